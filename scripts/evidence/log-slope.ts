/** The exponent of a power law y ∝ n^slope fitted to logarithms by least squares, with its standard error. */
export interface LogSlope {
  slope: number;
  stdErr: number;
}

export function logSlope(points: readonly { n: number; y: number }[]): LogSlope {
  const logs = points.map(({ n, y }) => ({ x: Math.log(n), y: Math.log(y) }));
  const mean = (of: "x" | "y") => logs.reduce((sum, point) => sum + point[of], 0) / logs.length;
  const [mx, my] = [mean("x"), mean("y")];
  const spread = logs.reduce((sum, { x }) => sum + (x - mx) ** 2, 0);
  const slope = logs.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0) / spread;
  const residual = logs.reduce((sum, { x, y }) => sum + (y - my - slope * (x - mx)) ** 2, 0);
  return { slope, stdErr: Math.sqrt(residual / (logs.length - 2) / spread) };
}
