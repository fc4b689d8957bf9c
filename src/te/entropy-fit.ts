import type { MeasuredSystem } from "./measured-system.ts";

/**
 * What an equation may be off, at the price of one unit of divergence from the prior, as a share of what was measured (and
 * of no less than `leastShare` of the largest measurement). Loads that agree with each other are met to 1e-3 and better;
 * where they contradict each other, the squares of what they are off are weighed against each other. A third of it took up
 * to twice the time on counters that are 2 to 10% wrong (TataNld), and came no nearer to the truth.
 */
const slackShare = 3e-4;
const leastShare = 1e-3;
/** An equation counts as solved when it is this near, in the same measure. */
const solved = 1e-5;
const mostSteps = 60;
const mostInnerSteps = 300;

/**
 * The sizes x >= 0 nearest to `prior` that meet the equations (tomogravity in its information-theoretic form: Zhang, Roughan,
 * Lund, Donoho, "An information-theoretic approach to traffic matrix estimation", SIGCOMM 2003): the least
 *   KL(x | prior) + sum over rows of (sum of shares * x - wanted)^2 / (2 * slack).
 * Then x = prior * exp(sum over its rows of share * y), never negative, with one y a row: that smooth convex problem in y is
 * solved by Newton steps, each by conjugate gradients on the sparse shares. No randomness: the same input, the same answer.
 */
export function entropyFit(system: MeasuredSystem, prior: Float64Array): Float64Array {
  const problem = new Dual(system, prior);
  let now = problem.at(new Float64Array(system.wanted.length));
  for (let step = 0; step < mostSteps && problem.distance(now) > solved; step++) {
    const next = problem.descend(now, problem.newtonStep(now));
    if (!next) break;
    now = next;
  }
  return now.size;
}

type Point = Readonly<{ y: Float64Array; size: Float64Array; value: number; gradient: Float64Array }>;

class Dual {
  readonly #system: MeasuredSystem;
  readonly #prior: Float64Array;
  readonly #slack: Float64Array;

  constructor(system: MeasuredSystem, prior: Float64Array) {
    this.#system = system;
    this.#prior = prior;
    const largest = system.measured.reduce((most, value) => Math.max(most, value), 0) || 1;
    this.#slack = system.measured.map((value) => slackShare * Math.max(value, leastShare * largest));
  }

  at(y: Float64Array): Point {
    const { start, row, share, wanted } = this.#system;
    const size = new Float64Array(this.#prior.length);
    const gradient = new Float64Array(y.length);
    let value = 0;
    for (let column = 0; column < size.length; column++) {
      const [first, end] = [start[column] as number, start[column + 1] as number];
      let log = 0;
      for (let k = first; k < end; k++) log += (share[k] as number) * (y[row[k] as number] as number);
      const amount = (this.#prior[column] as number) * Math.exp(log);
      size[column] = amount;
      value += amount;
      for (let k = first; k < end; k++) {
        const at = row[k] as number;
        gradient[at] = (gradient[at] as number) + (share[k] as number) * amount;
      }
    }
    for (let at = 0; at < y.length; at++) {
      const give = (this.#slack[at] as number) * (y[at] as number);
      value += (y[at] as number) * (give / 2 - (wanted[at] as number));
      gradient[at] = (gradient[at] as number) + give - (wanted[at] as number);
    }
    return { y, size, value, gradient };
  }

  /** How far the worst equation is from solved. */
  distance({ gradient }: Point): number {
    return gradient.reduce((most, value, at) => {
      return Math.max(most, (slackShare * Math.abs(value)) / (this.#slack[at] as number));
    }, 0);
  }

  /** By conjugate gradients, scaled by the diagonal; the nearer the solution, the more exact. */
  newtonStep(point: Point): Float64Array {
    const diagonal = this.#diagonal(point.size);
    const step = new Float64Array(diagonal.length);
    const left = point.gradient.map((value) => -value);
    const along = left.map((value, at) => value / (diagonal[at] as number));
    let length = dot(left, along);
    const enough = length * Math.min(0.01, this.distance(point)) ** 2;
    for (let inner = 0; inner < mostInnerSteps && length > enough; inner++) {
      const turned = this.#curvature(point.size, along);
      const amount = length / dot(turned, along);
      let next = 0;
      for (let at = 0; at < step.length; at++) {
        step[at] = (step[at] as number) + amount * (along[at] as number);
        const rest = (left[at] as number) - amount * (turned[at] as number);
        left[at] = rest;
        next += (rest * rest) / (diagonal[at] as number);
      }
      for (let at = 0; at < step.length; at++) {
        along[at] = (left[at] as number) / (diagonal[at] as number) + (next / length) * (along[at] as number);
      }
      length = next;
    }
    return step;
  }

  /** As far along the step as it does good (Armijo); undefined when rounding hides any good it does. */
  descend(from: Point, step: Float64Array): Point | undefined {
    const slope = dot(step, from.gradient);
    for (let part = 1; part > 1e-9; part /= 2) {
      const next = this.at(from.y.map((value, at) => value + part * (step[at] as number)));
      if (next.value <= from.value + 1e-4 * part * slope) return next;
    }
    return undefined;
  }

  #diagonal(size: Float64Array): Float64Array {
    const { start, row, share } = this.#system;
    const diagonal = this.#slack.slice();
    for (let column = 0; column < size.length; column++) {
      for (let k = start[column] as number; k < (start[column + 1] as number); k++) {
        const [at, part] = [row[k] as number, share[k] as number];
        diagonal[at] = (diagonal[at] as number) + part * part * (size[column] as number);
      }
    }
    return diagonal;
  }

  /** The second derivative at `size`, times a direction. */
  #curvature(size: Float64Array, direction: Float64Array): Float64Array {
    const { start, row, share } = this.#system;
    const turned = this.#slack.map((slack, at) => slack * (direction[at] as number));
    for (let column = 0; column < size.length; column++) {
      const [first, end] = [start[column] as number, start[column + 1] as number];
      let sum = 0;
      for (let k = first; k < end; k++) sum += (share[k] as number) * (direction[row[k] as number] as number);
      const amount = sum * (size[column] as number);
      for (let k = first; k < end; k++) {
        const at = row[k] as number;
        turned[at] = (turned[at] as number) + (share[k] as number) * amount;
      }
    }
    return turned;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number);
  return sum;
}
