//! How a strategy is drawn: alike in all charts of a page.

/// Colours that can be told apart. The strategies of the first seven places have a full line in one, those behind them the
/// same colours with dashes.
pub(super) const COLOURS: usize = 7;

/// Kinds of lines, full and dashed.
const DASHES: usize = 4;

/// The strategies of a page in the order in which they are given their looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks<'a>(Vec<&'a str>);

impl<'a> Looks<'a> {
    /// Each strategy by its first place.
    pub(super) fn of(strategies: impl IntoIterator<Item = &'a str>) -> Self {
        let mut looks = Self::default();
        for strategy in strategies {
            if looks.place(strategy).is_none() {
                looks.0.push(strategy);
            }
        }
        looks
    }

    pub(super) fn names(&self) -> &[&'a str] {
        &self.0
    }

    /// Before [`COLOURS`]: it has a full line.
    pub(super) fn place(&self, strategy: &str) -> Option<usize> {
        self.0.iter().position(|name| *name == strategy)
    }

    /// The class that the style sheet knows the strategy's look by.
    pub(super) fn class(&self, strategy: &str) -> String {
        match self.place(strategy) {
            None => "other".to_owned(),
            Some(place) => class(place),
        }
    }
}

/// `c2`, `c2 d1`
pub(super) fn class(place: usize) -> String {
    match (place % COLOURS, place / COLOURS % DASHES) {
        (colour, 0) => format!("c{colour}"),
        (colour, dash) => format!("c{colour} d{dash}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Looks;

    #[test]
    fn a_strategy_has_one_look_and_no_other_has_it() {
        let names: Vec<String> = (0..28).map(|place| format!("s{place}")).collect();
        let twice = names.iter().chain(&names).map(String::as_str);
        let looks = Looks::of(twice);
        assert_eq!(looks.names().len(), 28);
        let mut classes: Vec<String> = names.iter().map(|name| looks.class(name)).collect();
        assert_eq!([&classes[2], &classes[9], &looks.class("another")], ["c2", "c2 d1", "other"]);
        classes.sort();
        classes.dedup();
        assert_eq!(classes.len(), 28);
    }
}
