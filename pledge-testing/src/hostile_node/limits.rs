//! How nodes report that a range is too large: a table of their error texts.

/// The error text of one kind of node. `{max}`, `{blocks}` (asked for), `{range}` (`[0x1, 0x2]`)
/// and `{span}` (`1-2`) are filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitText {
    /// The provider or client with this text.
    pub node: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The code of the error.
    pub code: i64,
    /// The text of the error.
    pub text: &'static str,
}

/// A range that an error suggests instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// A range that is answered.
    Right,
    /// The right one with its ends swapped.
    Inverted,
    /// One block too long: the limit counts the blocks between the ends.
    Exclusive,
    /// Blocks that were not asked for.
    Elsewhere,
    /// The very range that was refused.
    Same,
}

impl Hint {
    pub(super) const fn range(self, from: u64, to: u64, blocks: u64) -> (u64, u64) {
        let right = from + blocks - 1;
        match self {
            Self::Right => (from, right),
            Self::Inverted => (right, from),
            Self::Exclusive => (from, right + 1),
            Self::Elsewhere => (to + 1_000, to + 1_000 + blocks),
            Self::Same => (from, to),
        }
    }
}

impl LimitText {
    const fn new(node: &'static str, code: i64, text: &'static str) -> Self {
        Self { node, status: 200, code, text }
    }

    /// Whether the text suggests a range.
    pub fn has_hint(&self) -> bool {
        self.text.contains("{range}") || self.text.contains("{span}")
    }

    pub(super) fn render(&self, max: u64, blocks: u64, (from, to): (u64, u64)) -> String {
        self.text
            .replace("{max}", &max.to_string())
            .replace("{blocks}", &blocks.to_string())
            .replace("{range}", &format!("[{from:#x}, {to:#x}]"))
            .replace("{span}", &format!("{from}-{to}"))
    }
}

const fn of(node: &'static str, code: i64, text: &'static str) -> LimitText {
    LimitText::new(node, code, text)
}

/// The text of Geth for a filter with too many addresses.
pub const ADDRESSES_TEXT: LimitText =
    of("Geth, addresses", -32000, "exceed max addresses or topics per search position");

/// The known texts for ranges.
pub const LIMIT_TEXTS: [LimitText; 35] = [
    of(
        "Alchemy",
        -32602,
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range \
         and no limit on the response size, or you can request any block range with a cap of 10K \
         logs in the response. Based on your parameters and the response size limit, this block \
         range should work: {range}",
    ),
    of(
        "Alchemy, free",
        -32600,
        "Under the Free tier plan, you can make eth_getLogs requests with up to a {max} block range. \
         Based on your parameters, this block range should work: {range}. Upgrade to PAYG for \
         expanded block range.",
    ),
    of(
        "Infura, results",
        -32005,
        "query returned more than 10000 results. Try with this block range {range}.",
    ),
    of("Infura, time", -32005, "query timeout exceeded"),
    of("Infura, range", -32602, "range {blocks} exceeds limit of {max}"),
    LimitText {
        node: "QuickNode",
        status: 413,
        code: -32614,
        text: "eth_getLogs and eth_newFilter are limited to a {max} blocks range",
    },
    of("Ankr, range", -32600, "block range is too wide"),
    of("Ankr, results", -32005, "query exceeds max results {max}"),
    of("BlockPI", -32602, "eth_getLogs is limited to {max} block range"),
    of("Cloudflare", -32000, "Invalid block range. Max range: {max}"),
    of("thirdweb", -32602, "Maximum allowed number of requested blocks is {max}"),
    of("Chainstack", -32000, "Block range limit exceeded. See more details at the documentation."),
    of("Coinbase", -32602, "please limit the query to at most {max} blocks"),
    of("PublicNode", -32701, "exceed maximum block range: {max}"),
    of("Base", -32602, "block range too large"),
    of("Base, with the limit", -32614, "block range too large, maximum allowed is {max} blocks"),
    of("Base, backends", -32011, "no backend is currently healthy to serve traffic"),
    of("OP", -32020, "backend response too large"),
    of("Arbitrum", -32000, "logs matched by query exceeds limit of {max}"),
    of("zkEVM", -32005, "query returned more than {max} results"),
    of("1RPC", -32000, "response size should not greater than {max} bytes"),
    of("dRPC", 35, "ranges over {max} blocks are not supported on freetier"),
    of("eRPC", -32012, "range exceeded max allowed"),
    of("Hyperliquid", -32603, "query exceeds max block range {max}"),
    of("Swell", -32000, "block range greater than {max} max"),
    of("Somnia", -32000, "block range exceeds {max}"),
    of("Merkle", -32000, "range is too large, max is 10k blocks"),
    of("Harmony", -32000, "query must be smaller than size {max}"),
    of("Aurora", -32000, "You can make requests with up to a {max} block range"),
    of("Tron", -32000, "exceed max block range: {max}"),
    of(
        "Avalanche",
        -32000,
        "requested too many blocks from 1 to {blocks}, maximum is set to {max}",
    ),
    of("HyperRPC", -32000, "More than 50000 logs returned, retry with the range {span}"),
    of("Geth", -32005, "exceed max results"),
    of("Besu", -32005, "Requested range exceeds maximum RPC range limit"),
    of("Nethermind", -32016, "Too many logs requested. Max logs per response is {max}."),
];
