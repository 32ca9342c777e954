import type { Tensor } from '@tensorflow/tfjs-core';
import { fromHalf } from '../../onnx/float16.js';
import { type ConstantTensor, ElementType } from '../../onnx/model.js';
import type { Tf } from './library.js';

export const TO_LAST = [0, 2, 3, 1];
export const TO_FIRST = [0, 3, 1, 2];

/**
 * One tensor of a running graph, in every form in which operators asked for it. TensorFlow's convolutions take
 * [N, H, W, C] only, while ONNX has [N, C, H, W]: a value made in one layout is transposed when the other is
 * first asked for, and then kept. It owns native memory: dispose of it.
 */
export class Value {
  /** The shape that the ONNX graph gives it. */
  readonly shape: readonly number[];
  private readonly tf: Tf;
  private readonly forms = new Map<string, Tensor>();
  private source: ConstantTensor | undefined;
  private known: readonly number[] | undefined;

  private constructor(tf: Tf, shape: readonly number[], source?: ConstantTensor) {
    this.tf = tf;
    this.shape = shape;
    this.source = source;
  }

  /** A tensor laid out as the graph has it. */
  static of(tf: Tf, tensor: Tensor): Value {
    const value = new Value(tf, tensor.shape);
    value.form('first', () => tensor);
    return value;
  }

  /** A tensor of four axes that was computed as [N, H, W, C]. */
  static ofChannelsLast(tf: Tf, tensor: Tensor): Value {
    const value = new Value(
      tf,
      TO_FIRST.map((axis) => tensor.shape[axis]!),
    );
    value.form('last', () => tensor);
    return value;
  }

  /** A constant, copied; it goes to the backend when it is first asked for. */
  static constant(tf: Tf, source: ConstantTensor): Value {
    return new Value(tf, [...source.dims], { ...source, data: source.data.slice() });
  }

  /** The tensor, laid out as the graph has it. */
  get tensor(): Tensor {
    return this.form('first', () => {
      const last = this.forms.get('last');
      return last ? this.tf.transpose(last, TO_FIRST) : this.upload(this.source!);
    });
  }

  /** The tensor as [N, H, W, C]; for tensors of four axes. */
  get channelsLast(): Tensor {
    return this.form('last', () => this.tf.transpose(this.tensor, TO_LAST));
  }

  /** Whether it would have to be transposed to be had as the graph has it. */
  get isLast(): boolean {
    return this.forms.has('last') && !this.forms.has('first');
  }

  /** The elements of an integer tensor, undefined for one of another kind. */
  get integers(): readonly number[] | undefined {
    if (!this.known) {
      if (this.source) this.known = isInteger(this.source) ? Array.from(this.source.data, Number) : undefined;
      else if (this.tensor.dtype === 'int32') this.known = Array.from(this.tensor.dataSync());
    }
    return this.known;
  }

  /** Another form of the same values, made once and kept as long as the value. */
  form(key: string, make: () => Tensor): Tensor {
    const known = this.forms.get(key);
    if (known) return known;
    const made = make();
    const kept = this.tf.keep(made.kept ? this.tf.clone(made) : made);
    this.forms.set(key, kept);
    return kept;
  }

  dispose(): void {
    for (const tensor of this.forms.values()) tensor.dispose();
    this.forms.clear();
  }

  /** A constant's tensor. From then on only what shapes are read from is kept beside it. */
  private upload(source: ConstantTensor): Tensor {
    if (!isInteger(source)) this.source = undefined;
    return tensorOf(this.tf, source);
  }
}

const INTEGERS: readonly ElementType[] = [
  ...[ElementType.uint8, ElementType.int8, ElementType.uint16, ElementType.int16],
  ...[ElementType.int32, ElementType.uint32, ElementType.int64, ElementType.uint64],
];

const isInteger = (t: ConstantTensor) => INTEGERS.includes(t.type);

/** TensorFlow.js has float32, int32 and bool: all other kinds become one of them. */
function tensorOf(tf: Tf, { type, dims, data }: ConstantTensor): Tensor {
  if (type === ElementType.bool) return tf.tensor(Uint8Array.from(data, Number), dims, 'bool');
  // Shapes and ends of slices may be beyond 32 bits, where they mean 'all'.
  if (INTEGERS.includes(type)) return tf.tensor(Int32Array.from(data, clamped), dims, 'int32');
  if (data instanceof Float32Array) return tf.tensor(data, dims, 'float32');
  const floats = data instanceof Uint16Array ? fromHalf(data) : Float32Array.from(data, Number);
  return tf.tensor(floats, dims, 'float32');
}

const clamped = (v: number | bigint) => Math.min(Math.max(Number(v), -(2 ** 31)), 2 ** 31 - 1);
