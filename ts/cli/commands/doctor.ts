import type { Check } from '../../doctor/check.js';
import { type Paint, painter, wantsColours } from '../../report/colours.js';
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
    const ok = checks.every((check) => check.ok || !check.required);
    if (args.has('json')) {
      await writeJson(stdout, { ok, checks });
    } else {
      const paint = painter(wantsColours(stdout, env));
      const verdict = ok
        ? 'Builds can be sealed on this machine.'
        : 'Builds cannot be sealed on this machine as it is.';
      await stdout.write(`${[...checks.flatMap((check) => describe(check, paint)), verdict].join('\n')}\n`);
    }
    return ok ? 0 : 1;
  },
};

function describe({ name, ok, required, step, errno, ...facts }: Check, paint: Paint): string[] {
  if (ok) return [`${paint('green', 'ok')}    ${plainText(name)}`];
  const verdict = required ? paint('red', 'fails') : paint('yellow', 'lacks');
  const failed = step === undefined ? '' : ` (${step}${errno === undefined ? '' : `: ${errno}`})`;
  return [
    `${verdict} ${plainText(name + failed)}`,
    ...(['cause', 'cost', 'cure'] as const).flatMap((what) => {
      const text = facts[what];
      return text ? [`      ${what}: ${plainText(text)}`] : [];
    }),
  ];
}
