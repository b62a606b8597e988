// Imports a module and writes for how many milliseconds the process lives on, though nothing is left to do.
await import(process.argv[2]);
const imported = performance.now();
process.on('exit', () => console.log(performance.now() - imported));
