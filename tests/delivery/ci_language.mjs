// GitHub's own language service over many workflows: one line of JSON for each finding.
import { readFileSync } from "node:fs";
import { validate } from "@actions/languageservice";
import { TextDocument } from "vscode-languageserver-textdocument";

for (const path of process.argv.slice(2)) {
  const text = readFileSync(path, "utf8");
  const document = TextDocument.create(`file://${path}`, "yaml", 1, text);
  for (const found of await validate(document)) {
    console.log(JSON.stringify({ path, line: found.range.start.line + 1, message: found.message }));
  }
}
