/** The part of WebGPU's interface that is watched. */
interface GpuClasses {
  GPUDevice: { prototype: { createBuffer(descriptor: { size: number }): object } };
  GPUBuffer: {
    prototype: { destroy(): void; mapAsync(mode: number, ...range: number[]): Promise<void>; size: number };
  };
}

const readMode = 1;

/** Watches WebGPU from now on; the result says how many more buffers are alive, and how many bytes were read back. */
export function countGpuBuffers(): () => { alive: number; readBytes: number } {
  const { GPUDevice, GPUBuffer } = globalThis as unknown as GpuClasses;
  const [device, buffer] = [GPUDevice.prototype, GPUBuffer.prototype];
  const { createBuffer } = device;
  const { destroy, mapAsync } = buffer;
  const alive = new Set<object>();
  let readBytes = 0;
  device.createBuffer = function (descriptor) {
    const created = createBuffer.call(this, descriptor);
    alive.add(created);
    return created;
  };
  buffer.destroy = function () {
    alive.delete(this);
    destroy.call(this);
  };
  buffer.mapAsync = function (mode, ...range) {
    if (mode === readMode) readBytes += this.size;
    return mapAsync.call(this, mode, ...range);
  };
  return () => ({ alive: alive.size, readBytes });
}
