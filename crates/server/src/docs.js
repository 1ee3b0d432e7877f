// Shows the document at /openapi.json. Everything is set as text: nothing in it is run.
"use strict";

const make = (name, text, kind) => {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  if (kind) element.className = kind;
  return element;
};

const follow = (api, schema) => {
  if (!schema?.$ref) return schema;
  return schema.$ref.split("/").slice(1).reduce((at, key) => at[key], api);
};

const fields = (api, found, depth) => {
  const pad = "  ".repeat(depth + 1);
  const needed = found.required || [];
  const lines = Object.entries(found.properties).map(([name, property]) => {
    const about = property.description ? `  // ${property.description.split("\n")[0]}` : "";
    const mark = needed.includes(name) ? "" : "?";
    return `${pad}"${name}"${mark}: ${shape(api, property, depth + 1)},${about}`;
  });
  return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
};

const shape = (api, schema, depth = 0) => {
  const found = follow(api, schema);
  if (!found || depth > 4) return "…";
  if (found.properties) return fields(api, found, depth);
  const parts = found.allOf || found.oneOf || found.anyOf;
  if (parts) return parts.map((part) => shape(api, part, depth)).join(" | ");
  const types = [found.type].flat();
  if (types.includes("array")) return `[${shape(api, found.items, depth + 1)}]`;
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
  return types.join(" | ");
};

const content = (part) => part?.content?.["application/json"]?.schema;

const operation = (api, path, verb, about) => {
  const details = make("details");
  const summary = make("summary");
  summary.append(make("span", verb.toUpperCase(), "verb"), make("code", path));
  summary.append(make("span", about.summary || "", "about"));
  details.append(summary);
  if (about.description) details.append(make("p", about.description));
  for (const parameter of about.parameters || []) {
    const line = make("p");
    line.append(make("code", parameter.name));
    line.append(` (${parameter.in}) ${parameter.description || ""}`);
    details.append(line);
  }
  const body = content(about.requestBody);
  if (body) details.append(make("p", "Request"), make("pre", shape(api, body)));
  for (const [status, response] of Object.entries(about.responses || {})) {
    details.append(make("p", `${status}: ${response.description || ""}`));
    const schema = content(response);
    if (schema) details.append(make("pre", shape(api, schema)));
  }
  return details;
};

const show = (api) => {
  const place = document.getElementById("paths");
  place.textContent = "";
  const groups = new Map();
  for (const [path, verbs] of Object.entries(api.paths)) {
    for (const [verb, about] of Object.entries(verbs)) {
      const tag = (about.tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(api, path, verb, about));
    }
  }
  for (const [tag, operations] of groups) place.append(make("h2", tag), ...operations);
};

const fail = (error) => {
  document.getElementById("paths").textContent = `It could not be read: ${error}`;
};

fetch("/openapi.json").then((answer) => answer.json()).then(show).catch(fail);
