use alloy_primitives::B256;
use proptest::prelude::*;

use super::*;

/// Numbers in one request, as the driver asks.
const LIMIT: usize = 256;

fn time(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).unwrap()
}

/// A block whose hash is its number.
fn block(number: u64, seconds: u64) -> BlockRef {
    let hash = |number: u64| B256::from(alloy_primitives::U256::from(number + 1));
    let parent_hash = number.checked_sub(1).map(hash).unwrap_or_default();
    let number = BlockNumber::new(number);
    BlockRef { number, hash: hash(number.get()), parent_hash, time: time(seconds) }
}

/// What a search needed.
#[derive(Debug, Default)]
struct Cost {
    requests: u64,
    headers: u64,
}

/// Searches a chain, given as the times of its blocks, with its last block known.
fn find(times: &[u32], instants: &[Timestamp], limit: usize) -> (Vec<BlockEdge>, Cost) {
    find_from(0, times, instants, limit)
}

/// The same, where the first block is not asked for first.
fn find_from(
    base: u64,
    times: &[u32],
    instants: &[Timestamp],
    limit: usize,
) -> (Vec<BlockEdge>, Cost) {
    let at = |number: usize| block(number as u64, u64::from(times[number]));
    let mut search = Search::new(BlockNumber::new(base), instants.iter().copied());
    search.learn(&[at(times.len() - 1)]).unwrap();
    let (mut found, mut cost) = (Vec::new(), Cost::default());
    loop {
        found.extend(search.take_found());
        let numbers = search.ask(limit);
        if numbers.is_empty() {
            found.sort_by_key(|edge| edge.instant);
            return (found, cost);
        }
        assert!(numbers.len() <= limit, "{numbers:?}");
        cost.requests += 1;
        cost.headers += numbers.len() as u64;
        let answer = numbers.iter().map(|number| at(usize::try_from(number.get()).unwrap()));
        search.learn(&answer.collect::<Vec<_>>()).unwrap();
    }
}

/// The same by looking at every block.
fn scan(times: &[u32], instant: Timestamp) -> BlockEdge {
    let before = times.iter().rposition(|time| u64::from(*time) < instant.get());
    BlockEdge { instant, last: before.map(|number| BlockNumber::new(number as u64)) }
}

/// Times of a chain: blocks that share seconds, regular ones, and long pauses.
fn chains() -> impl Strategy<Value = Vec<u32>> {
    let step = prop_oneof![4 => Just(0), 4 => Just(12), 3 => 1..30_u32, 1 => 1_000..100_000_u32];
    (0..20_000_u32, prop::collection::vec(step, 0..400)).prop_map(|(first, steps)| {
        let times = steps.into_iter().scan(first, |time, step| {
            *time += step;
            Some(*time)
        });
        std::iter::once(first).chain(times).collect()
    })
}

proptest! {
    #[test]
    fn every_edge_found_is_that_of_the_scan(
        times in chains(),
        length in prop_oneof![1..50_u64, 100..10_000_u64],
        limit in prop_oneof![1..4_usize, Just(LIMIT)],
        base in 0..500_u64,
    ) {
        let (first, last) = (u64::from(times[0]), u64::from(*times.last().unwrap()));
        let instants: Vec<_> =
            (first / length..=last / length).map(|edge| time(edge * length)).take(500).collect();
        let (found, _) = find_from(base, &times, &instants, limit);
        let expected: Vec<_> = instants.iter().map(|instant| scan(&times, *instant)).collect();
        prop_assert_eq!(found, expected);
    }
}

/// Searches a chain of which some blocks are not given; returns what was found and what was given up.
fn find_without(
    withheld: &BTreeSet<BlockNumber>,
    times: &[u32],
    instants: &[Timestamp],
) -> (Vec<BlockEdge>, Vec<(Timestamp, BlockNumber)>) {
    let at = |number: BlockNumber| {
        assert!(!withheld.contains(&number), "{number} is asked for");
        block(number.get(), u64::from(times[usize::try_from(number.get()).unwrap()]))
    };
    let mut search = Search::new(BlockNumber::new(0), instants.iter().copied());
    search.exclude(withheld);
    search.learn(&[at(BlockNumber::new(times.len() as u64 - 1))]).unwrap();
    let (mut found, mut given_up) = (search.take_found(), Vec::new());
    loop {
        let numbers = search.ask(LIMIT);
        given_up.extend(search.take_given_up());
        if numbers.is_empty() {
            assert!(search.is_done());
            found.sort_by_key(|edge| edge.instant);
            return (found, given_up);
        }
        search.learn(&numbers.into_iter().map(at).collect::<Vec<_>>()).unwrap();
        found.extend(search.take_found());
    }
}

proptest! {
    #[test]
    fn one_block_that_is_not_given_leaves_only_the_edges_next_to_it_open(
        times in chains(),
        length in prop_oneof![1..50_u64, 100..10_000_u64],
        withheld in 0..400_usize,
    ) {
        // The block that the search begins with is known.
        let withheld = BlockNumber::new((withheld % times.len().max(2)) as u64);
        prop_assume!(withheld.get() + 1 < times.len() as u64);
        let (first, last) = (u64::from(times[0]), u64::from(*times.last().unwrap()));
        let instants: Vec<_> =
            (first / length..=last / length).map(|edge| time(edge * length)).take(500).collect();
        let (found, given_up) = find_without(&[withheld].into(), &times, &instants);
        let is_next_to = |edge: &BlockEdge| {
            edge.last == Some(withheld) || edge.first_after() == withheld
        };
        let all = instants.iter().map(|instant| scan(&times, *instant));
        let (open, expected): (Vec<_>, Vec<_>) = all.partition(is_next_to);
        prop_assert_eq!(found, expected);
        let mut open: Vec<_> = open.iter().map(|edge| (edge.instant, withheld)).collect();
        open.reverse();
        prop_assert_eq!(given_up, open);
    }
}

#[test]
fn where_no_block_below_a_height_is_given_all_edges_above_are_found() {
    let times: Vec<u32> = (0..1_000).map(|number| number * 10).collect();
    let withheld = (0..400).map(BlockNumber::new).collect();
    let instants: Vec<_> = (0..100).map(|edge| time(edge * 100)).collect();
    let (found, given_up) = find_without(&withheld, &times, &instants);
    let expected: Vec<_> = instants[41..].iter().map(|instant| scan(&times, *instant)).collect();
    assert_eq!(found, expected);
    assert_eq!(given_up.len(), 41);
    assert!(given_up.iter().all(|(_, block)| *block == BlockNumber::new(399)));
}

#[test]
fn an_instant_at_a_blocks_time_lies_below_all_blocks_of_that_second() {
    let times = [10, 20, 20, 20, 30];
    let found = |instant| find(&times, &[time(instant)], LIMIT).0[0].last.map(BlockNumber::get);
    assert_eq!(found(20), Some(0));
    assert_eq!(found(21), Some(3));
    assert_eq!(found(30), Some(3));
    assert_eq!((found(10), found(9)), (None, None));
}

#[test]
fn an_instant_after_every_known_block_is_not_found() {
    let (found, cost) = find(&[10, 20], &[time(21)], LIMIT);
    assert_eq!((found.len(), cost.requests), (0, 0));
}

#[test]
fn no_block_below_the_base_is_asked_for_unless_an_instant_lies_there() {
    let times: Vec<u32> = (0..10_000).map(|number| number * 10).collect();
    let asked_below = |instant| {
        let mut search = Search::new(BlockNumber::new(5_000), [time(instant)]);
        let at = |number: u64| block(number, number * 10);
        search.learn(&[at(9_999)]).unwrap();
        let mut lowest = BlockNumber::new(u64::MAX);
        loop {
            let found = search.take_found();
            if let Some(edge) = found.first() {
                assert_eq!(*edge, scan(&times, time(instant)));
                return lowest < BlockNumber::new(5_000);
            }
            let numbers = search.ask(LIMIT);
            lowest = lowest.min(numbers[0]);
            let answer: Vec<_> = numbers.iter().map(|number| at(number.get())).collect();
            search.learn(&answer).unwrap();
        }
    };
    assert!(!asked_below(50_001));
    assert!(!asked_below(90_000));
    assert!(asked_below(50_000));
    assert!(asked_below(7));
}

#[test]
fn times_that_mislead_every_guess_cost_a_logarithm() {
    // All blocks but one share a second far from where an even pace has them.
    let mut times = vec![1_000; 1 << 20];
    times[0] = 0;
    let (found, cost) = find(&times, &[time(1_000)], LIMIT);
    assert_eq!(found[0].last, Some(BlockNumber::new(0)));
    assert!(cost.requests <= 1 + u64::from(GUESSES_MAX) + 5, "{cost:?}");
    *times.last_mut().unwrap() = 1_000_000;
    let (found, cost) = find(&times, &[time(1_001)], LIMIT);
    assert_eq!(found[0].last, Some(BlockNumber::new((1 << 20) - 2)));
    assert!(cost.requests <= 1 + u64::from(GUESSES_MAX) + 5, "{cost:?}");
}

#[test]
fn answers_that_contradict_each_other_are_refused_and_nothing_is_learned() {
    let known = [block(5, 50), block(9, 90)];
    let mut search = Search::new(BlockNumber::new(0), [time(70)]);
    search.learn(&known).unwrap();
    let wrong: [&[BlockRef]; 6] = [
        &[block(7, 91)],
        &[block(7, 49)],
        &[block(9, 91)],
        &[BlockRef { hash: B256::ZERO, ..block(5, 50) }],
        &[BlockRef { parent_hash: B256::ZERO, ..block(6, 60) }],
        &[block(7, 70), BlockRef { hash: B256::ZERO, ..block(6, 60) }],
    ];
    for wrong in wrong {
        assert!(search.learn(wrong).is_err(), "{wrong:?}");
        assert_eq!(search.blocks, known);
    }
}

/// 13 million blocks of seven seconds and a little, and the 26,000 hours in them, in the driver's chunks.
#[test]
fn years_of_hours_cost_a_few_headers_each() {
    const BLOCKS: usize = 13_000_000;
    const CHUNK: usize = 1_024;
    let mut state = 1_u64;
    let mut random = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut chain = |step: fn(u64) -> u64| {
        let mut now = 1_600_000_000_u32;
        let times = (0..BLOCKS).map(|_| {
            now += u32::try_from(step(random(1_500))).unwrap();
            now
        });
        times.collect::<Vec<u32>>()
    };
    let slots = chain(|drawn| if drawn < 45 { 14 } else { 7 });
    let mined = chain(|drawn| drawn % 15);
    for (name, times, headers_max) in [("slots", slots, 10), ("mined", mined, 20)] {
        let last = u64::from(*times.last().unwrap()) / 3_600;
        let hours: Vec<_> = (last - 25_999..=last).map(|hour| time(hour * 3_600)).collect();
        let (mut rounds, mut headers) = (0, 0);
        for chunk in hours.rchunks(CHUNK) {
            let (found, cost) = find(&times, chunk, LIMIT);
            assert!(found.iter().all(|edge| {
                let number = usize::try_from(edge.first_after().get()).unwrap();
                u64::from(times[number]) >= edge.instant.get()
                    && (number == 0 || u64::from(times[number - 1]) < edge.instant.get())
            }));
            assert_eq!(found.len(), chunk.len());
            (rounds, headers) = (rounds + cost.requests, headers + cost.headers);
        }
        println!("{name}: 26,000 edges of {BLOCKS} blocks in {rounds} requests, {headers} headers");
        assert!(headers <= headers_max * 26_000, "{name}: {headers}");
    }
}
