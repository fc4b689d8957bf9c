import { status } from "./routed-demands.ts";

export type Volume = Readonly<{ demands: number; volume: number }>;

/** How many demands, and how much, are in each status once a change is made. */
export class DemandChange {
  readonly scale: number;
  readonly count: number[];
  readonly volume: number[];
  readonly entered = new Map<number, number>();
  readonly cutOff: number[] = [];

  constructor(count: readonly number[], volume: readonly number[], scale: number) {
    this.scale = scale;
    this.count = [...count];
    this.volume = volume.map((amount) => amount * scale);
  }

  leave(was: number, size: number): void {
    this.count[was] = (this.count[was] as number) - 1;
    this.volume[was] = this.count[was] === 0 ? 0 : (this.volume[was] as number) - size;
  }

  enter(demand: number, is: number, size: number): void {
    this.entered.set(demand, is);
    if (is === status.disconnected) this.cutOff.push(demand);
    this.count[is] = (this.count[is] as number) + 1;
    this.volume[is] = (this.volume[is] as number) + size;
  }

  total(which: number): Volume {
    return { demands: this.count[which] as number, volume: this.volume[which] as number };
  }
}
