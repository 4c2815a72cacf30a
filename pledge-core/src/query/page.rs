//! Pages of lists.

/// Which page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageQuery<P> {
    /// Only items after this place; `None` starts at the first.
    pub after: Option<P>,
    /// The maximum number of items.
    pub limit: usize,
}

impl<P> PageQuery<P> {
    /// How many rows to read: one more than the limit shows whether another page follows.
    pub const fn rows(&self) -> usize {
        self.limit.saturating_add(1)
    }
}

/// A page of a list, and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, P> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// The place after which the next page begins; `None` if this one ends the list.
    pub next: Option<P>,
}

impl<T, P> Page<T, P> {
    /// Cuts rows to a page. The caller reads one row more than the limit, if there is one.
    pub fn cut(mut rows: Vec<T>, limit: usize, place: impl Fn(&T) -> P) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(place);
        Self { items: rows, next }
    }

    /// The same page with other items, at most one for each.
    pub(super) fn with_items<U>(self, items: Vec<U>) -> Page<U, P> {
        Page { items, next: self.next }
    }
}
