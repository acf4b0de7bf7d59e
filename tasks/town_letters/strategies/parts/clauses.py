class ClauseNet(nn.Module):
    """Weigh the clauses of a letter, and mix the topics that each of them is about."""

    def __init__(self, size=16):
        super().__init__()
        self.vectors = nn.EmbeddingBag(BUCKETS + 1, size, mode="mean", padding_idx=0)
        self.topic, self.weight = nn.Linear(size, TOPIC_COUNT), nn.Linear(size, 1)

    def forward(self, inputs):  # (n, clauses, pieces)
        vectors = self.vectors(inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])  # (n, clauses, size)
        weights = self.weight(vectors).masked_fill(inputs[:, :, :1] == 0, -1e4)
        mixed = torch.log_softmax(weights, dim=1) + torch.log_softmax(self.topic(vectors), dim=2)
        return torch.logsumexp(mixed, dim=1)  # (n, 5)


def encode_clauses(letters):
    """Return the pieces of each clause, (n, clauses, pieces)."""
    split = [[encode([clause])[0] for clause in letter.split(", ")] for letter in letters]
    most, longest = max(map(len, split)), max(len(row) for rows in split for row in rows)
    inputs = torch.zeros(len(split), most, longest, dtype=torch.int64)
    for number, rows in enumerate(split):
        for place, row in enumerate(rows):
            inputs[number, place, : len(row)] = row
    return inputs
