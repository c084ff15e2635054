#!/usr/bin/env node
import { processInterrupts } from './cli/interrupts.js';
import { streamOutput } from './cli/output.js';
import { runProgram } from './cli/program.js';
import { systemEngine } from './cli/system-engine.js';

// A pipe nobody reads any more: results fail with EPIPE where they are written, and words for people are lost.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

process.exitCode = await runProgram(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdin: () => process.stdin,
  stdout: streamOutput(process.stdout),
  stderr: process.stderr,
  interrupts: processInterrupts(),
  engine: systemEngine,
});
