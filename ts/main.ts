#!/usr/bin/env node
import module from 'node:module';

// First of all, so that it serves everything else.
if ('enableCompileCache' in module) (await import('./cli/compile-cache.js')).keepCompiledCode();

const [{ commandWords }, { processInterrupts }, { streamOutput }, { runProgram }, { systemEngine }] =
  await Promise.all([
    import('./cli/classic/command-words.js'),
    import('./cli/interrupts.js'),
    import('./cli/output.js'),
    import('./cli/program.js'),
    import('./cli/system-engine.js'),
  ]);

// A pipe nobody reads any more: results fail with EPIPE where they are written, and words for people are lost.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

process.exitCode = await runProgram(commandWords(process.argv), {
  env: process.env,
  cwd: process.cwd(),
  stdin: () => process.stdin,
  stdout: streamOutput(process.stdout),
  stderr: process.stderr,
  interrupts: processInterrupts(),
  engine: systemEngine,
});
