/**
 * Arithmetic as it is printed: whole numbers, + - · / ( ) and ². Terms and differences of the tables are written in it,
 * so that what a reader sees is what the tests add up.
 */
export type Arithmetic = string;

/** What a spec of `specs/published` stands for, and what its number of parameters is compared with. */
export interface PublishedModel {
  /** The model and size, as its authors name them. */
  model: string;
  /** Page of the checkpoint, or the paper. */
  source: string;
  /** Ids of the tokenizer, without those that the objective adds; 1 where inputs are features. */
  tokens: number;
  /** Elements of the spec's parameters. */
  parameters: number;
  /** Parameters of the public checkpoint; masks and other tensors that are not trained are left out. */
  checkpoint?: number;
  /** What the paper prints, where there is no checkpoint. */
  figure?: { text: string; value: number };
  /** What the published model has beside the spec's parameters, or less than them: with these the counts are equal. */
  differences?: Readonly<Record<string, Arithmetic>>;
  /** The spec's count term by term, where no checkpoint holds it. */
  formula?: Readonly<Record<string, Arithmetic>>;
  /** What is otherwise not as published. */
  note?: string;
}

/** The value of printed arithmetic. Throws where it is none. */
export function evaluate(text: Arithmetic): number {
  const script = text.replaceAll("·", "*").replaceAll("²", "**2");
  if (!/^[-+*/()\d\s]+$/.test(script)) throw new Error(`${text}: expected numbers, + - · / ( ) and ²`);
  return Number(new Function(`return ${script}`)());
}

export const total = (terms: Readonly<Record<string, Arithmetic>> = {}): number =>
  Object.values(terms).reduce((sum, term) => sum + evaluate(term), 0);

/** The published number and how far the spec, with its known differences, lies from it; undefined where none is printed. */
export function comparison({ parameters, checkpoint, figure, differences }: PublishedModel) {
  const published = checkpoint ?? figure?.value;
  if (published === undefined) return undefined;
  return { published, gap: (parameters + total(differences) - published) / published };
}
