/** x mod m in 0 … m − 1, also of negative numbers. */
export const remainder = (x: number, m: number): number => ((x % m) + m) % m;
