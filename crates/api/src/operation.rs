use std::fmt;

/// The operations of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// [`read`](crate::MapHandle::read)
    Read,
    /// [`insert`](crate::MapHandle::insert)
    Insert,
    /// [`insert_new`](crate::MapHandle::insert_new)
    InsertNew,
    /// [`remove`](crate::MapHandle::remove)
    Remove,
    /// [`update`](crate::MapHandle::update)
    Update,
    /// [`upsert`](crate::MapHandle::upsert)
    Upsert,
    /// [`compare_exchange`](crate::MapHandle::compare_exchange)
    CompareExchange,
    /// [`for_each`](crate::MapHandle::for_each)
    ForEach,
    /// [`len`](crate::MapHandle::len)
    Len,
}

impl Operation {
    /// All operations, in the order of the trait.
    pub const ALL: [Operation; 9] = [
        Operation::Read,
        Operation::Insert,
        Operation::InsertNew,
        Operation::Remove,
        Operation::Update,
        Operation::Upsert,
        Operation::CompareExchange,
        Operation::ForEach,
        Operation::Len,
    ];

    /// The method's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Operation::Read => "read",
            Operation::Insert => "insert",
            Operation::InsertNew => "insert_new",
            Operation::Remove => "remove",
            Operation::Update => "update",
            Operation::Upsert => "upsert",
            Operation::CompareExchange => "compare_exchange",
            Operation::ForEach => "for_each",
            Operation::Len => "len",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
