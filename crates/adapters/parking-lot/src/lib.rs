//! parking_lot locks over the std HashMap: one, two or many.
