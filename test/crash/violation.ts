/** Something that must never be; the trail is what happened before it, oldest first. */
export class Violation extends Error {
  readonly trail: readonly string[];

  constructor(text: string, trail: readonly string[]) {
    super(text);
    this.trail = [...trail];
  }
}
