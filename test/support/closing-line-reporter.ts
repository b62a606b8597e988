import type { Reporter, TestModule, TestState } from 'vitest/node';

/** Ends a run with `N passed, N failed`, alone on its line, for whoever reads the run by machine. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const passed = count(modules, 'passed');
    const skipped = count(modules, 'skipped');
    // Errors outside of tests fail the run too, and a failed run must not read "0 failed".
    const failed = count(modules, 'failed') + errorsOutsideTests(modules) + unhandledErrors.length;
    process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  }
}

function count(modules: readonly TestModule[], state: TestState): number {
  return sum(modules.map((module) => [...module.children.allTests(state)].length));
}

/** Files that cannot be loaded, and hooks of files and suites that fail. */
function errorsOutsideTests(modules: readonly TestModule[]): number {
  const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
  return sum(suites.map((suite) => suite.errors().length));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
