//! What is kept of runs: their records, their queue, and the bytes they left.
