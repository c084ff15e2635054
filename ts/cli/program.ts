import { AirplantError } from '../base/errors.js';
import { isBrokenPipe } from './broken-pipe.js';
import type { ClassicProgram, Command, CommandGroup, ProgramHost } from './command.js';
import { type Verb, verbs } from './verbs.js';

/**
 * The command line from its words to its exit status. Nothing is thrown: an error is printed to `host.stderr`.
 * Everything but the table of verbs is loaded when it turns out to be needed.
 */
export async function runProgram(argv: readonly string[], host: ProgramHost): Promise<number> {
  try {
    return await dispatch(argv, host);
  } catch (error) {
    return await fail(error, argv, host);
  }
}

async function dispatch(argv: readonly string[], host: ProgramHost): Promise<number> {
  const [word, ...rest] = argv;
  if (word === undefined || word === '--help' || word === '-h' || word === 'help') {
    return await help(rest, host, { asked: word !== undefined });
  }
  if (word === '--version') return await printVersion(host);
  const loaded = await findVerb(word);
  if ('runClassic' in loaded) return await loaded.runClassic(rest, host);
  return 'commands' in loaded ? await runGroup(loaded, rest, host) : await runCommand(loaded, rest, host);
}

/** `airplant help VERB…` is `airplant VERB… --help`; without any word, help is an answer to wrong usage. */
async function help(
  words: readonly string[],
  host: ProgramHost,
  { asked }: { asked: boolean },
): Promise<number> {
  if (words.length > 0) return await dispatch([...words, '--help'], host);
  const { programHelp } = await import('./help.js');
  const text = programHelp(verbs);
  if (asked) await host.stdout.write(text);
  else host.stderr.write(text);
  return asked ? 0 : 2;
}

async function findVerb(word: string): Promise<Command | CommandGroup | ClassicProgram> {
  const verb = verbs.find(({ name }) => name === word);
  if (verb) return await verb.load();
  throw await unknownWord(word.startsWith('-') ? 'flag' : 'verb', word, verbs);
}

async function runGroup(group: CommandGroup, argv: readonly string[], host: ProgramHost): Promise<number> {
  const [word, ...rest] = argv;
  if (word === '--version') return await printVersion(host);
  if (word === undefined || word === '--help' || word === '-h') {
    const { groupHelp } = await import('./help.js');
    if (word === undefined) host.stderr.write(groupHelp(group));
    else await host.stdout.write(groupHelp(group));
    return word === undefined ? 2 : 0;
  }
  const command = group.commands.find(({ name }) => name === `${group.name} ${word}`);
  if (command) return await runCommand(command, rest, host);
  const names = group.commands.map(({ name }) => ({ name: name.slice(group.name.length + 1) }));
  throw await unknownWord(`command of 'airplant ${group.name}'`, word, names);
}

async function runCommand(command: Command, argv: readonly string[], host: ProgramHost): Promise<number> {
  const [{ parseArguments }, { commonFlags }] = await Promise.all([
    import('./arguments.js'),
    import('./common-flags.js'),
  ]);
  const args = parseArguments({ ...command, flags: [...command.flags, ...commonFlags] }, argv);
  if (args.has('help')) {
    const { commandHelp } = await import('./help.js');
    await host.stdout.write(commandHelp(command));
    return 0;
  }
  if (args.has('version')) return await printVersion(host);
  const status = await command.run({ ...host, args });
  return host.interrupts.exitStatus || status;
}

async function printVersion(host: ProgramHost): Promise<number> {
  const { version } = await import('./version.js');
  await host.stdout.write(`airplant ${version()}\n`);
  return 0;
}

async function unknownWord(
  what: string,
  word: string,
  known: readonly Pick<Verb, 'name'>[],
): Promise<AirplantError> {
  const { nearestWord } = await import('../base/nearest.js');
  const nearest = nearestWord(
    word,
    known.map(({ name }) => name),
  );
  const meant = nearest ? `; did you mean '${nearest}'?` : '';
  return new AirplantError('ERR_USAGE', `unknown ${what} '${word}'${meant}`);
}

async function fail(error: unknown, argv: readonly string[], host: ProgramHost): Promise<number> {
  if (isBrokenPipe(error)) return 128 + 13;
  const [{ errorText, toAirplantError }, { wantsColours }] = await Promise.all([
    import('./print-error.js'),
    import('../report/colours.js'),
  ]);
  const trace = argv.includes('--show-trace') || Boolean(host.env['AIRPLANT_DEBUG']);
  host.stderr.write(errorText(error, { colours: wantsColours(host.stderr, host.env), trace }));
  return host.interrupts.exitStatus || toAirplantError(error).exitStatus;
}
