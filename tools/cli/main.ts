#!/usr/bin/env node
import process from 'node:process';
import { createProcessContext } from './process-context.js';
import { runProgram } from './program.js';

// Not process.exit: what was printed must get through a pipe first.
process.exitCode = await runProgram(process.argv.slice(2), createProcessContext(process));
