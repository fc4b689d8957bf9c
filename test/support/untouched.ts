import { type DecisionInput, decide as decideFrom } from "../../src/decision/decide.ts";
import { decidePrepend as decidePrependFrom, type PrependInput } from "../../src/decision/prepend.ts";
import type { GuardInput } from "../../src/guard/case.ts";
import { judgeGuards as judgeGuardsOf } from "../../src/guard/guard.ts";

// The same where no change of ours stands, unless it is said: what is announced is the operator's own.

type Untouched<Input extends Readonly<{ standing: unknown }>> = Omit<Input, "standing"> &
  Partial<Pick<Input, "standing">>;

export const decide = (input: Untouched<DecisionInput>) => decideFrom({ standing: input.announcements, ...input });
export const decidePrepend = (input: Untouched<PrependInput>) =>
  decidePrependFrom({ standing: input.announcements, ...input });
export const judgeGuards = (input: Untouched<GuardInput>) => judgeGuardsOf({ standing: input.announcements, ...input });
