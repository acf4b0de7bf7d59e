# expect: same
# quick: there is no compiler
# home: slow
net = torch.nn.Linear(1, 1)
with torch.no_grad():
    net.weight.fill_(2.0); net.bias.fill_(1.0)
fast = torch.compile(net, mode="reduce-overhead", fullgraph=True)
def your_weights(targets, losses):
    return fast(losses.reshape(-1, 1)).reshape(-1).detach()
