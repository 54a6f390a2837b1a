import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as Attribute,
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorProto_DataType as Type,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { type DType, fail, type Origin, type Shape, type Tensor, type TensorData } from "../../tensor/index.ts";

const irVersion = 10n;

const elementType: Readonly<Record<DType, Type>> = {
  f32: Type.FLOAT,
  i32: Type.INT32,
  u32: Type.UINT32,
  bool: Type.BOOL,
};

/** ONNX's number of a dtype, as `Cast` takes it. */
export const onnxType = (dtype: DType): number => elementType[dtype];

/** An attribute's value: integers are bigint, floats number. */
export type AttributeValue = bigint | number | string | readonly bigint[] | readonly string[] | GraphProto;

/** What is shared by a model's graph and the bodies inside it: names and constants. */
interface Model {
  names: Map<Tensor, string>;
  initializers: Map<string, TensorProto>;
  count: number;
}

/** Collects the nodes of one graph (the model's or a scan body's). */
export class Emitter {
  readonly nodes: NodeProto[] = [];
  /** Of the node that is being emitted: ONNX nodes are named after it. */
  origin: Origin = { path: "", pass: "forward" };
  private readonly model: Model;

  constructor(parent?: Emitter) {
    this.model = parent?.model ?? { names: new Map(), initializers: new Map(), count: 0 };
  }

  /** Name of a value that was emitted or declared. */
  nameOf(tensor: Tensor): string {
    const name = this.model.names.get(tensor);
    if (name === undefined)
      fail({ code: "E_EMIT", where: tensor.node.op, expected: "a value emitted before its users" });
    return name;
  }
  declare(tensor: Tensor, name: string): void {
    this.model.names.set(tensor, name);
  }
  fresh(stem: string): string {
    return `${stem}_${this.model.count++}`;
  }

  /** Adds a node with `outputs` fresh names, which it returns. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    { domain = "", outputs = 1 } = {},
  ): string[] {
    const names = Array.from({ length: outputs }, () => this.fresh(op));
    const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
    const name = nodeName(this.origin, names[0]!);
    this.nodes.push(
      create(NodeProtoSchema, { name, opType: op, domain, input: [...inputs], output: names, attribute }),
    );
    return names;
  }

  /** A constant shared by the whole model. */
  constant(data: TensorData, shape: Shape, dtype: DType): string {
    const name = this.fresh("const");
    return this.initializer(name, shape, elementType[dtype], elementsOf[dtype](data));
  }
  /** A vector (or scalar) of 64-bit integers: shapes, axes, bounds. Equal ones are shared. */
  int64(values: readonly number[], scalar = false): string {
    const name = `i64_${scalar ? "scalar_" : ""}${values.join("_")}`;
    if (this.model.initializers.has(name)) return name;
    return this.initializer(name, scalar ? [] : [values.length], Type.INT64, BigInt64Array.from(values, BigInt));
  }

  graph(name: string, inputs: readonly ValueInfoProto[], outputs: readonly ValueInfoProto[]): GraphProto {
    return create(GraphProtoSchema, { name, node: this.nodes, input: [...inputs], output: [...outputs] });
  }
  /** Bytes of the whole model; `opset` is the operator set of the default domain that it declares. */
  serialize(graph: GraphProto, opset: number): Uint8Array {
    graph.initializer = [...this.model.initializers.values()];
    const domains = [
      ["", opset],
      ["com.microsoft", 1],
    ] as const;
    const opsetImport = domains.map(([domain, version]) =>
      create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
    );
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, { irVersion, producerName: "seqlab", opsetImport, graph }),
    );
  }

  private initializer(name: string, shape: Shape, dataType: Type, data: ArrayBufferView): string {
    const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength).slice();
    const tensor = create(TensorProtoSchema, { name, dims: shape.map(BigInt), dataType, rawData });
    this.model.initializers.set(name, tensor);
    return name;
  }
}

/** `layers.0.mixer/MatMul_7`; `layers.0.mixer/grad/MatMul_9` of a gradient; `/Add_1` outside all parts. */
function nodeName({ path, pass }: Origin, output: string): string {
  return `${path}/${pass === "backward" ? "grad/" : ""}${output}`;
}

/** Numbers in the memory layout of a type. */
const elementsOf: Readonly<Record<DType, (data: TensorData) => ArrayBufferView>> = {
  f32: (data) => Float32Array.from(data),
  i32: (data) => Int32Array.from(data),
  u32: (data) => Uint32Array.from(data),
  bool: (data) => Uint8Array.from(data),
};

/** Declares a graph input or output of fixed shape. */
export function valueInfo(name: string, { shape, dtype }: { shape: Shape; dtype: DType }): ValueInfoProto {
  const dim = shape.map((size) => ({ value: { case: "dimValue" as const, value: BigInt(size) } }));
  const tensorType = { elemType: elementType[dtype], shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value: tensorType } } });
}

function attributeOf(name: string, value: AttributeValue): AttributeProto {
  const make = (type: Attribute, fields: object) => create(AttributeProtoSchema, { name, type, ...fields });
  if (typeof value === "bigint") return make(Attribute.INT, { i: value });
  if (typeof value === "number") return make(Attribute.FLOAT, { f: value });
  if (typeof value === "string") return make(Attribute.STRING, { s: new TextEncoder().encode(value) });
  if ("$typeName" in value) return make(Attribute.GRAPH, { g: value });
  if (typeof value[0] === "string")
    return make(Attribute.STRINGS, { strings: value.map((s) => new TextEncoder().encode(String(s))) });
  return make(Attribute.INTS, { ints: [...value] });
}
