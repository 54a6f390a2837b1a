import { expect, test } from "vitest";
import { positionSuite } from "../../testing/index.ts";
import { none } from "./none.ts";

positionSuite(none, { configs: [{}] });

test("it has neither parameters nor a limit", () => {
  expect(none.params({}, {})).toEqual({});
  expect(none.limit).toBeUndefined();
});
