//! The limits no concurrent map can beat: an immutable map and an unsynchronised one.
