// Writes the names of what each module exports.
const modules = process.argv.slice(2).map(async (name) => [name, Object.keys(await import(name)).sort()]);
console.log(JSON.stringify(Object.fromEntries(await Promise.all(modules))));
