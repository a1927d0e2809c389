// Validates custom resources, a JSON list on standard input, against the validators that were
// compiled from the official definitions: one line of index, path and message for each problem.
import { readFileSync } from "node:fs";

const [resources, modules] = JSON.parse(readFileSync(0, "utf8"));
for (const [index, resource] of resources.entries()) {
  const { [resource.kind]: Model } = await import(modules[resource.kind]);
  try {
    new Model(resource).validate();
  } catch (error) {
    for (const { instancePath, message } of error.errors ?? [{ instancePath: "", message: error.message }]) {
      console.log(`${index}\t${instancePath}\t${message}`);
    }
  }
}
