import { spawn } from "node:child_process";
import { afterAll, describe, expect, test, vi } from "vitest";
import { createWorkplace, main, tinyTraining } from "./cli.fixture.ts";
import { commands } from "./commands.ts";
import { renderHelp } from "./frame/help.ts";
import { runCli } from "./frame/run-cli.ts";

const place = createWorkplace();
afterAll(() => place.remove());

/** A command line in this process: what can be told without a process of its own. */
async function callHere(args: readonly string[]) {
  const texts = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      texts[name] += String(text);
      return true;
    }),
  );
  try {
    return { status: await runCli(args), ...texts };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe("help", () => {
  test("--help lists every command, examples and exit statuses on standard output", async () => {
    const { status, stdout, stderr } = await place.run(["--help"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const [name, { summary }] of Object.entries(commands))
      expect(stdout).toMatch(new RegExp(`^  ${name} +${summary.slice(0, 20)}`, "m"));
    expect(stdout).toContain("Examples:");
    for (const code of [0, 1, 2, 130]) expect(stdout).toMatch(new RegExp(`^  ${code} +\\w`, "m"));
  });

  test.each(Object.keys(commands))(
    "%s: every option says what it is, its value and its default; lines fit 100 columns",
    async (name) => {
      const command = await commands[name]!.load();
      const help = renderHelp(command);
      for (const [option, definition] of Object.entries(
        command.options as Record<
          string,
          { type: string; description?: string; valueHint?: string; options?: string[] }
        >,
      )) {
        expect(definition.description, option).toMatch(/\w{3}/);
        if (definition.type === "string") expect(definition.valueHint, option).toBeTruthy();
        expect(help).toContain(`--${option}`);
      }
      expect(command.examples.length).toBeGreaterThan(0);
      const prose = help.split("\n").filter((line) => !line.startsWith("  seqlab "));
      expect(Math.max(...prose.map((line) => line.length))).toBeLessThanOrEqual(100);
      expect(help).toContain("Exit status:");
    },
  );

  test("a command explains itself, also through help, and --version is the package's", async () => {
    const [asked, helped, version] = await Promise.all([
      place.run(["runs", "--help"]),
      place.run(["help", "runs"]),
      place.run(["--version"]),
    ]);
    expect(asked.status).toBe(0);
    expect(asked.stdout).toBe(helped.stdout);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("wrong usage ends with status 2, one line on standard error and nothing on standard output", () => {
  const wrong: [args: string[], message: RegExp][] = [
    [[], /expected a command \(compare, train, .*\[E_COMMAND\]/],
    [["trian"], /got "trian"\. Did you mean train\? \[E_COMMAND\]/],
    [["--json", "runs"], /expected the command before its options/],
    [["train", "lstm", "--stps", "4"], /--stps: expected an option of seqlab train\. Did you mean --steps\? \[E_OPTION\]/],
    [["train", "lstm", "--steps"], /--steps: expected a value \(N\), got nothing/],
    [["train", "lstm", "--steps", "--json"], /--steps: expected a value \(N\), got the option --json/],
    [["train", "lstm", "--steps", "ten"], /--steps: expected a whole number from 1, got "ten"/],
    [["train", "lstm", "--steps", "1.5"], /--steps: expected a whole number/],
    [["train", "lstm", "--steps", "5", "--steps", "6"], /--steps: expected each option once, got it twice/],
    [["train", "lstm", "--steps", "5", "--tokens", "60"], /either --steps or --tokens/],
    [["train", "lstm", "--learning-rate", "0"], /--learning-rate: expected a number above 0, got "0"/],
    [["train", "lstm", "--tokenizer", "bqe"], /--tokenizer: expected one of bpe, char, byte or a file FILE\.json, got "bqe"\. Did you mean bpe\?/],
    [["train", "lstm", "--json=yes"], /--json: expected no value/],
    [["train"], /expected SPEC, or --resume RUN/],
    [["train", "--resume", "a", "--steps", "9"], /--resume: expected no spec and no settings: those of the run hold, got --steps/],
    [["train", "lstm", "gru"], /expected SPEC, got "lstm", "gru"/],
    [["describe"], /expected SPEC \(.*\), got nothing/],
    [["compare", "lstm", "--size", "parms=1M"], /--size: expected one of params, .* got "parms=1M"/],
    [["compare", "lstm", "--budget", "tokens=-1"], /--budget: expected/],
  ]; // biome-ignore format: a table
  test.each(wrong)("seqlab %s", async (args, message) => {
    const { status, stdout, stderr } = await callHere(args);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n").length).toBe(1);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });
});

describe("failures end with status 1, one line and no stack", () => {
  const failing: [args: string[], message: RegExp][] = [
    [["train", "lama"], /lama: expected a spec file.*Did you mean "llama"\? \[E_SPEC_FILE\]/],
    [["train", "lstm", "--data", "nowhere.txt"], /nowhere\.txt: expected a text file, got nothing at this path\..*\[E_CORPUS_MISSING\]/],
    [["train", "--resume", "nothing"], /expected a run with its run\.json, got none/],
    [["generate", "nothing"], /\[E_RUN_MISSING\]/],
    [["describe", "text.txt"], /text\.txt/],
    [["compare", "--resume"], /expected a folder compare-… of an earlier comparison, got none\..*\[E_COMPARE_RESUME\]/],
    [["compare", "lstm", "--report", "no/such/folder/report.html"], /\[E_REPORT\]/],
  ]; // biome-ignore format: a table
  test.each(failing)("seqlab %s", async (args, message) => {
    const { status, stdout, stderr } = await place.run(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  });

  test("--debug adds the stack", async () => {
    const { stderr } = await place.run(["train", "lama", "--debug"]);
    expect(stderr).toMatch(/\n\s+at /);
  });
});

test("the program's own exit status is the one of the command line", async () => {
  const { status, stdout, stderr } = await place.run(["trian"]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(/Did you mean train\?/);
});

test("a reader that goes away ends a command quietly", async () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell variable
  const line = '"$0" "$1" describe llama | true; echo "${PIPESTATUS[0]}" >&2';
  const child = spawn("bash", ["-c", line, process.execPath, main], {
    cwd: place.folder,
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  await new Promise((done) => child.on("close", done));
  expect(stderr).toBe("141\n");
});

test("no colours where they are not wanted", async () => {
  const { stderr } = await place.run(["train", "lama"], { NO_COLOR: "1" });
  expect(stderr).not.toContain("\u001b");
  const plain = await place.run(tinyTraining("plain", { steps: 5 }));
  expect(plain.stderr + plain.stdout).not.toContain("\u001b");
  expect(plain.status).toBe(0);
});
