// Shows the OpenAPI document beside this page, and asks the API what a reader fills in.
"use strict";

// An element with properties and children; a text is never read as markup.
function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const nameOf = (ref) => ref.split("/").pop();

// A schema in a few words.
function shape(schema) {
  if (!schema) return "";
  if (schema.$ref) return nameOf(schema.$ref);
  const parts = schema.allOf ?? schema.oneOf ?? schema.anyOf;
  if (parts) return parts.map(shape).filter(Boolean).join(schema.allOf ? " and " : " or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const type = [schema.type ?? "any"].flat().join(" or ");
  const bounds = [
    schema.items && `of ${shape(schema.items)}`,
    schema.format,
    schema.minimum !== undefined && `from ${schema.minimum}`,
    schema.maximum !== undefined && `to ${schema.maximum}`,
    schema.pattern && `/${schema.pattern}/`,
    schema.default !== undefined && `default ${JSON.stringify(schema.default)}`,
  ];
  return [type, ...bounds.filter(Boolean)].join(" ");
}

function table(heads, rows) {
  const cells = (kind, texts) => element("tr", {}, ...texts.map((text) => element(kind, {}, text ?? "")));
  return element("table", {}, cells("th", heads), ...rows.map((row) => cells("td", row)));
}

const code = (text) => element("code", { textContent: text });
const json = (value) => element("pre", { textContent: JSON.stringify(value, null, 2) });

// The examples of an answer, by name.
function examples(content) {
  const named = Object.entries(content.examples ?? {}).map(([name, example]) => [name, example.value]);
  if (content.example !== undefined) named.unshift(["Example", content.example]);
  return named.map(([name, value]) =>
    element("details", {}, element("summary", { textContent: name }), json(value)));
}

function answers(operation) {
  return Object.entries(operation.responses).map(([status, response]) => {
    const contents = Object.entries(response.content ?? {}).flatMap(([media, content]) => [
      element("p", {}, code(media), ` ${shape(content.schema)}`),
      ...examples(content),
    ]);
    const title = element("summary", {}, element("b", { textContent: status }), ` ${response.description}`);
    return element("details", {}, title, ...contents);
  });
}

// The parameters, a field for each, and a button that sends them.
function parameters(path, operation) {
  const own = operation.parameters ?? [];
  const fields = new Map(own.map((parameter) => [parameter, element("input", { ariaLabel: parameter.name })]));
  const rows = own.map((parameter) => [
    code(parameter.name + (parameter.required ? " *" : "")),
    parameter.in,
    element("span", {}, parameter.description ?? "", element("br", {}), code(shape(parameter.schema))),
    fields.get(parameter),
  ]);
  const shown = element("div", {});
  const send = async () => {
    const query = new URLSearchParams();
    const headers = {};
    let target = path;
    for (const [parameter, { value }] of fields) {
      if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(value));
      else if (value && parameter.in === "query") query.set(parameter.name, value);
      else if (value) headers[parameter.name] = value;
    }
    const url = query.size ? `${target}?${query}` : target;
    try {
      const response = await fetch(url, { headers, cache: "no-store" });
      const text = await response.text();
      shown.replaceChildren(
        element("p", {}, code(`GET ${url}`), ` ${response.status}`),
        text ? json(JSON.parse(text)) : "",
      );
    } catch (error) {
      shown.replaceChildren(element("p", { textContent: String(error) }));
    }
  };
  const button = element("button", { textContent: "Send", type: "button" });
  button.addEventListener("click", send);
  return [rows.length ? table(["Parameter", "In", "Meaning", "Value"], rows) : null, button, shown];
}

function operation(path, method, stated) {
  const title = element("summary", {}, code(`${method.toUpperCase()} ${path}`), " ",
    element("small", { textContent: stated.summary ?? "" }));
  const about = element("p", { className: "about", textContent: stated.description ?? "" });
  return element("details", { id: stated.operationId }, title, about,
    ...parameters(path, stated), element("h4", { textContent: "Answers" }), ...answers(stated));
}

function schema(name, stated) {
  const parts = [stated, ...(stated.allOf ?? [])];
  const fields = parts.flatMap((part) => Object.entries(part.properties ?? {}));
  const rows = fields.map(([field, own]) => [code(field), code(shape(own)), own.description]);
  return element("details", { id: `schema-${name}` }, element("summary", {}, code(name)),
    element("p", { className: "about", textContent: stated.description ?? "" }),
    rows.length ? table(["Field", "Type", "Meaning"], rows) : code(shape(stated)));
}

async function show() {
  const stated = await (await fetch("openapi.json")).json();
  const operations = Object.entries(stated.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, own]) => [own.tags?.[0], operation(path, method, own)]));
  const groups = stated.tags.flatMap((tag) => [
    element("h2", { textContent: tag.description }),
    ...operations.filter(([name]) => name === tag.name).map(([, shown]) => shown),
  ]);
  const schemas = Object.entries(stated.components.schemas).map(([name, own]) => schema(name, own));
  document.querySelector("main").append(
    element("h1", {}, `${stated.info.title} `, element("small", { textContent: stated.info.version })),
    element("p", { className: "about", textContent: stated.info.description }),
    element("p", {}, element("a", { href: "openapi.json", textContent: "openapi.json" })),
    ...groups, element("h2", { textContent: "Schemas" }), ...schemas);
}

show().catch((error) => document.querySelector("main").append(String(error)));
