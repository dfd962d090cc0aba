//! ArcSwap snapshots: a cloned HashMap and a persistent trie.
