import fc from "fast-check";
import { expect, test } from "vitest";
import { elements, textOf, writeXml, type XmlElement } from "../../src/kernel/xml.ts";
import {
  base,
  bgpPol,
  editConfig,
  prefixSet,
  type RawClient,
  rpol,
  setsEdit,
  statementEdit,
  TestRouter,
} from "./netconf-fixture.ts";

/** A small edit that is legal in some states and refused in others, and how it reads. */
const operations = ["merge", "replace", "create", "delete", "remove"] as const;
const edits = fc.record({
  operation: fc.constantFrom(...operations),
  what: fc.constantFrom("set", "prefix", "prepend", "med", "policy", "mode"),
  name: fc.constantFrom("NET-10", "NET-11", "NET-12", "A", "Z"),
  statement: fc.constantFrom("net-10", "net-11"),
  number: fc.integer({ min: 1, max: 10 }),
});
type Sample = typeof edits extends fc.Arbitrary<infer T> ? T : never;

function render({ operation, what, name, statement, number }: Sample): string {
  const op = ` nc:operation="${operation}"`;
  switch (what) {
    case "set":
      return setsEdit(prefixSet(name, `10.${number}.0.0/24`).replace("<prefix-set", `$&${op}`));
    case "prefix":
      return setsEdit(prefixSet(name, `10.${number}.0.0/24`).replace("<prefix>", `<prefix${op}>`));
    case "mode":
      return setsEdit(
        `<prefix-set><name>${name}</name><config><name>${name}</name><mode${op}>IPV4</mode></config></prefix-set>`,
      );
    case "prepend":
      return statementEdit(
        `<actions><bgp-actions xmlns="${bgpPol}"><set-as-path-prepend${op}><config><repeat-n>${number}</repeat-n></config></set-as-path-prepend></bgp-actions></actions>`,
        statement,
      );
    case "med":
      return statementEdit(
        `<actions><bgp-actions xmlns="${bgpPol}"><config><set-med${op}>${number}</set-med></config></bgp-actions></actions>`,
        statement,
      );
    case "policy":
      return `<routing-policy xmlns="${rpol}"><policy-definitions><policy-definition${op}><name>${name}</name><config><name>${name}</name></config></policy-definition></policy-definitions></routing-policy>`;
  }
}

/** The edit that leads back, made only from what was there before and is there after: what is new is deleted, what differs is merged. */
function inverse(before: XmlElement, after: XmlElement): string {
  const nameOf = (element: XmlElement) => {
    const keys = ["name", "ip-prefix"].map((key) => elements(element).find((child) => child.name === key));
    const isEntry = ["prefix-set", "prefix", "policy-definition", "statement"].includes(element.name);
    return isEntry ? `${element.name} ${keys.map((key) => key && textOf(key)).join(" ")}` : element.name;
  };
  const keyLeaves = (element: XmlElement) =>
    elements(element)
      .filter(
        ({ name }) => nameOf(element) !== element.name && ["name", "ip-prefix", "masklength-range"].includes(name),
      )
      .map((leaf) => writeXml(leaf, element.namespace))
      .join("");
  const inside = (old: XmlElement, now: XmlElement): string => {
    const find = (parent: XmlElement, like: XmlElement) =>
      elements(parent).find((child) => nameOf(child) === nameOf(like));
    const gone = elements(old).filter((child) => !find(now, child));
    const kept = elements(old).flatMap((child) => {
      const other = find(now, child);
      return other && writeXml(other) !== writeXml(child) ? [[child, other] as const] : [];
    });
    const isNew = elements(now).filter((child) => !find(old, child));
    return [
      ...gone.map((child) => writeXml(child)),
      ...kept.map(([child, other]) =>
        elements(child).length === 0
          ? writeXml(child)
          : `<${child.name} xmlns="${child.namespace}">${keyLeaves(child)}${inside(child, other)}</${child.name}>`,
      ),
      ...isNew.map(
        (child) =>
          `<${child.name} xmlns="${child.namespace}" xmlns:nc="${base}" nc:operation="delete">${keyLeaves(child)}</${child.name}>`,
      ),
    ].join("");
  };
  return inside(before, after);
}

// Goal: an edit followed by the edit that undoes it gives back the same bytes, whatever was there, was made, or was emptied.
test("edit and inverse edit are byte-equal", async () => {
  const router = await TestRouter.start();
  const client: RawClient = await router.session();
  let committed = 0;
  const property = fc.asyncProperty(fc.array(edits, { minLength: 1, maxLength: 4 }), async (samples) => {
    const [before, text] = [router.server.running(), router.server.runningText()];
    for (const sample of samples) {
      const reply = await client.rpc(editConfig(render(sample), "<error-option>rollback-on-error</error-option>"));
      expect(["ok", "data-exists", "data-missing"]).toContain(reply.tag);
    }
    // A state that breaks a constraint is another test's business.
    const reply = await client.rpc("<commit/>");
    if (!reply.ok) {
      await client.rpc("<discard-changes/>");
      return;
    }
    const after = router.server.running();
    if (router.server.runningText() === text) return;
    committed += 1;
    expect((await client.rpc(editConfig(inverse(before, after)))).tag).toBe("ok");
    expect((await client.rpc("<commit/>")).tag).toBe("ok");
    expect(router.server.runningText()).toBe(text);
  });
  try {
    await fc.assert(property, { numRuns: 100 });
    expect(committed).toBeGreaterThan(25);
  } finally {
    await router.stop();
  }
});
