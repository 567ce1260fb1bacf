"""A generator and a discriminator of convolutions against each other, on noise for pictures."""

import argparse
import random

import torch
import torch.nn as nn
import torch.nn.parallel
import torch.optim as optim
import torch.utils.data
import torchvision.datasets as dset
import torchvision.transforms as transforms
import torchvision.utils as vutils
from torch.backends import cudnn

parser = argparse.ArgumentParser()
parser.add_argument("--workers", type=int, default=2)
parser.add_argument("--imageSize", type=int, default=16)
parser.add_argument("--nz", type=int, default=8)
parser.add_argument("--ngpu", type=int, default=1)
opt = parser.parse_args()
random.seed(7)
torch.manual_seed(7)
cudnn.benchmark = True
device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
dataset = dset.FakeData(size=32, image_size=(3, opt.imageSize, opt.imageSize), transform=transforms.ToTensor())
loader = torch.utils.data.DataLoader(dataset, batch_size=16, shuffle=True, num_workers=int(opt.workers))


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        torch.nn.init.normal_(m.weight, 0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        torch.nn.init.normal_(m.weight, 1.0, 0.02)
        torch.nn.init.zeros_(m.bias)


class Network(nn.Module):
    def __init__(self, ngpu, *layers):
        super().__init__()
        self.ngpu = ngpu
        self.main = nn.Sequential(*layers)

    def forward(self, input):
        if (input.is_cuda or input.is_xpu) and self.ngpu > 1:
            return nn.parallel.data_parallel(self.main, input, range(self.ngpu))
        return self.main(input)


netG = Network(
    opt.ngpu,
    nn.ConvTranspose2d(opt.nz, 16, 4, 1, 0, bias=False),
    nn.BatchNorm2d(16),
    nn.ReLU(True),
    nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False),
    nn.BatchNorm2d(8),
    nn.ReLU(True),
    nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False),
    nn.Tanh(),
).to(device)
netD = Network(
    opt.ngpu,
    nn.Conv2d(3, 8, 4, 2, 1, bias=False),
    nn.LeakyReLU(0.2, inplace=True),
    nn.Conv2d(8, 16, 4, 2, 1, bias=False),
    nn.BatchNorm2d(16),
    nn.LeakyReLU(0.2, inplace=True),
    nn.Conv2d(16, 1, 4, 1, 0, bias=False),
    nn.Sigmoid(),
).to(device)
netG.apply(weights_init)
netD.apply(weights_init)
print(netG)
criterion = nn.BCELoss()
optimizerD = optim.Adam(netD.parameters(), lr=0.001, betas=(0.5, 0.999))
optimizerG = optim.Adam(netG.parameters(), lr=0.001, betas=(0.5, 0.999))
for i, data in enumerate(loader, 0):
    netD.zero_grad()
    real = data[0].to(device)
    size = real.size(0)
    label = torch.full((size,), 1, dtype=real.dtype, device=device)
    output = netD(real).view(-1, 1).squeeze(1)
    errD_real = criterion(output, label)
    errD_real.backward()
    fake = netG(torch.randn(size, opt.nz, 1, 1, device=device))
    label.fill_(0)
    errD_fake = criterion(netD(fake.detach()).view(-1, 1).squeeze(1), label)
    errD_fake.backward()
    errD = errD_real + errD_fake
    optimizerD.step()
    netG.zero_grad()
    label.fill_(1)
    errG = criterion(netD(fake).view(-1, 1).squeeze(1), label)
    errG.backward()
    optimizerG.step()
    print(f"[{i}/{len(loader)}] Loss_D: {errD.item():.4f} Loss_G: {errG.item():.4f} D(x): {output.mean():.4f}")
vutils.save_image(real, "real_samples.png", normalize=True)
vutils.save_image(fake.detach(), "fake_samples.png", normalize=True)
torch.save(netG.state_dict(), "netG.pth")
netG.load_state_dict(torch.load("netG.pth"))
assert fake.shape == (16, 3, 16, 16)
assert netD.main[0].weight.grad.abs().sum() > 0
