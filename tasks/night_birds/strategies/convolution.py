# stronger: a small convolutional network on the quiet calls in the wind of the questions, as in the reference, and on val
def predict(clips):
    import torch
    from scipy.ndimage import gaussian_filter
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(1)
    windy, copies, rng = np.exp(clips) - 0.01, 6, np.random.default_rng(0)  # energy (n, 16, 32)
    profile = np.maximum((windy.mean(axis=(0, 2)) - (np.exp(train["x"]) - 0.01).mean(axis=(0, 2))), 0)
    gusts = gaussian_filter(windy[:, 0], (0, 2)) / profile[0]  # (n, 32)

    def moved(clip):
        return np.roll(clip, (rng.integers(-1, 2), rng.integers(-8, 9)), axis=(0, 1))

    calm = np.exp(np.stack([moved(clip) for _ in range(copies) for clip in train["x"]])) - 0.01
    gust = gusts[rng.integers(len(gusts), size=len(calm))][:, None, :]
    mixed = calm + gust * profile[:, None] * rng.exponential(1, calm.shape)
    x = np.concatenate([np.log(mixed + 0.01), *[val["x"]] * 2]).astype(np.float32)
    species, distance = (
        torch.tensor(np.concatenate([np.tile(train[name], copies), np.tile(val[name], 2)])) for name in ("species", "distance")
    )
    far = (distance - 165) / 80
    mean, deviation = x.mean(), x.std()
    inputs, questions_in = (torch.tensor((array - mean) / deviation)[:, None] for array in (x, clips))
    net = nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(32 * 4 * 8, 64), nn.ReLU(), nn.Linear(64, 5),
    )  # fmt: skip
    epochs, batch = 10, 64
    optimizer = torch.optim.AdamW(net.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, epochs * -(-len(inputs) // batch))
    for _ in range(epochs):
        for index in torch.randperm(len(inputs)).split(batch):
            output = net(inputs[index])
            loss = nn.functional.cross_entropy(output[:, :4], species[index])
            loss = loss + 1.5 * nn.functional.smooth_l1_loss(output[:, 4], far[index], beta=0.3)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        output = net(questions_in).numpy()
    return output[:, :4].argmax(1), np.clip(output[:, 4] * 80 + 165, 0, 1000)
