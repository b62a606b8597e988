// Writes the names of what a module exports.
console.log(JSON.stringify(Object.keys(await import(process.argv[2])).sort()));
