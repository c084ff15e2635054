import { painter, wantsColours } from '../../report/colours.js';
import { plainText } from '../../report/messages.js';
import type { Command } from '../command.js';
import { jsonFlag } from '../common-flags.js';
import { writeJson } from '../output.js';

export const doctorCommand: Command = {
  name: 'doctor',
  operands: '',
  operandCount: { min: 0, max: 0 },
  description: `Tries every step of a sandbox on this machine and names what is missing and how to get it.

Exit status: 0 if builds can be sealed here, 1 if not.`,
  flags: [jsonFlag],
  async run({ args, engine, env, stdout }) {
    const checks = await engine.diagnose();
    const ok = checks.every((check) => check.ok);
    if (args.has('json')) {
      await writeJson(stdout, { ok, checks });
      return ok ? 0 : 1;
    }
    const paint = painter(wantsColours(stdout, env));
    const lines = checks.flatMap((check) => {
      const { name, step, errno, cause, cost, cure } = check;
      if (check.ok) return [`${paint('green', 'ok')}    ${plainText(name)}`];
      const failed = step === undefined ? '' : ` (${step}${errno === undefined ? '' : `: ${errno}`})`;
      const facts: readonly (readonly [string, string | undefined])[] = [
        ['cause', cause],
        ['cost', cost],
        ['cure', cure],
      ];
      return [
        `${paint('red', 'fails')} ${plainText(name + failed)}`,
        ...facts.flatMap(([what, text]) => (text ? [`      ${what}: ${plainText(text)}`] : [])),
      ];
    });
    lines.push(
      ok ? 'Builds can be sealed on this machine.' : 'Builds cannot be sealed on this machine as it is.',
    );
    await stdout.write(`${lines.join('\n')}\n`);
    return ok ? 0 : 1;
  },
};
