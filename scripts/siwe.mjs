// Random messages of EIP-4361, judged by the reference implementation (npm `siwe`), one JSON object a line:
//
//   node scripts/siwe.mjs COUNT SEED
//
// COUNT right messages with their fields and a signature, each followed by a copy with a random change and whether
// `siwe` reads that. The same seed gives the same lines.
import { ethers } from "ethers";
import { SiweMessage } from "siwe";

const [count, seed] = process.argv.slice(2).map(Number);

// mulberry32, so that a failure can be repeated.
let state = seed >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}
const below = (bound) => Math.floor(random() * bound);
const one = (list) => list[below(list.length)];
const maybe = (make) => (random() < 0.5 ? make() : undefined);
const text = (alphabet, least, most) =>
  Array.from({ length: least + below(most - least + 1) }, () => one(alphabet)).join("");

const LETTERS = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const DIGITS = [..."0123456789"];
const ALPHANUMERIC = [...LETTERS, ...DIGITS];
const UNRESERVED = [...ALPHANUMERIC, ..."-._~"];
const STATEMENT = [...UNRESERVED, ...":/?#[]@!$&'()*+,;= "];

const name = () => text([..."abcxyz019-"], 1, 8);
const host = () =>
  one([
    () => `${name()}.example`,
    () => [1, 2, 3, 4].map(() => below(256)).join("."),
    () => one(["[::1]", "[2001:db8::7]", "[1:2:3:4:5:6:7:8]", "[::ffff:192.0.2.1]"]),
    () => "localhost",
  ])();
const authority = () => {
  const user = random() < 0.2 ? `${text(UNRESERVED, 1, 6)}@` : "";
  const port = random() < 0.4 ? `:${below(65536)}` : "";
  return user + host() + port;
};
const uri = () =>
  one([
    () => `https://${authority()}/${text(UNRESERVED, 0, 12)}`,
    () => `https://${authority()}?a=${text(UNRESERVED, 0, 4)}#${text(UNRESERVED, 0, 4)}`,
    () => `did:key:${text(ALPHANUMERIC, 1, 12)}`,
    () => `ipfs://${text(ALPHANUMERIC, 8, 20)}/%${one(["2F", "c3", "20"])}`,
    () => `urn:uuid:${text([..."0123456789abcdef"], 8, 8)}`,
  ])();
const two = (number) => String(number).padStart(2, "0");
const time = () => {
  const date = `${1970 + below(100)}-${two(1 + below(12))}-${two(1 + below(28))}`;
  const clock = `${two(below(24))}:${two(below(60))}:${two(below(60))}`;
  const fraction = maybe(() => `.${text(DIGITS, 1, 9)}`) ?? "";
  const offset = one(["Z", "z", `+${two(below(24))}:${two(below(60))}`, `-${two(below(24))}:00`]);
  return date + one(["T", "t"]) + clock + fraction + offset;
};

function fields(address) {
  return {
    scheme: maybe(() => one(["https", "http", "x-app+1.0"])),
    domain: authority(),
    address,
    statement: one([() => undefined, () => "", () => text(STATEMENT, 1, 60)])(),
    uri: uri(),
    version: "1",
    chainId: 1 + below(Number.MAX_SAFE_INTEGER),
    nonce: text(ALPHANUMERIC, 8, 24),
    issuedAt: time(),
    expirationTime: maybe(time),
    notBefore: maybe(time),
    requestId: maybe(() => text([...UNRESERVED, ..."!$&'()*+,;=:@"], 1, 12)),
    resources: maybe(() => Array.from({ length: below(4) }, uri)),
  };
}

// A message with one random change: in a character, or in the order and number of its lines.
function changed(message) {
  const place = below(message.length);
  const lines = message.split("\n");
  const line = below(lines.length);
  const odd = one([..."\n\r\t \0\"<>\\^`{|}%é/:.-0aZ"]);
  return one([
    () => message.slice(0, place) + message.slice(place + 1),
    () => message.slice(0, place) + odd + message.slice(place),
    () => message.slice(0, place) + odd + message.slice(place + 1),
    () => message.slice(0, place) + message[place].toUpperCase() + message.slice(place + 1),
    () => message.slice(0, place),
    () => message + odd,
    () => [...lines.slice(0, line), ...lines.slice(line + 1)].join("\n"),
    () => [...lines.slice(0, line), lines[line], ...lines.slice(line)].join("\n"),
    () => [...lines.slice(0, line), ...lines.slice(line + 1), lines[line]].join("\n"),
    () => message.replaceAll("\n", "\r\n"),
  ])();
}

function isRead(message) {
  try {
    new SiweMessage(message);
    return true;
  } catch {
    return false;
  }
}

for (let number = 0; number < count; number += 1) {
  const key = `0x${text([..."123456789abcdef"], 64, 64)}`;
  const wallet = new ethers.Wallet(key);
  const given = fields(wallet.address);
  const message = new SiweMessage(given).prepareMessage();
  const signature = await wallet.signMessage(message);
  const other = changed(message);
  console.log(JSON.stringify({ message, fields: given, signature, changed: other, is_read: isRead(other) }));
}
