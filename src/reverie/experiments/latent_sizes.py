"""`vae-latents` and `gan-latents`: what 2, 4 and 8 latents can say about a digit."""

from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from reverie.experiments.findings import Findings

SIZES, SHOWN, COUNT = (2, 4, 8), 12, 2000


def draw_vae(findings: "Findings") -> None:
    """Reconstructions of test digits and samples for each size, the loss, and the latent plane."""
    import torch

    import reverie
    from reverie.data import DataOptions, open_dataset
    from reverie.methods.vae import PLANE_SIDE, plane

    test = open_dataset(DataOptions(data="digits", split="test"))
    digits = reverie.images.to_tensor(test.read(torch.arange(len(test)).numpy()))
    names = [f"vae-{size}" for size in SIZES]
    rows = {"test digits": list(digits[:SHOWN])}
    errors, models = {}, {name: findings.model(name) for name in names}
    for name, model in models.items():
        back = model.generate(model.encode(digits))
        rows[f"{name}: reconstructions"] = list(back[:SHOWN])
        last = findings.run(name).read_log()[-1]["losses"]
        errors[name] = {
            "mean absolute error of 2,000 test digits, of 2": float((back - digits).abs().mean()),
            "negative log-likelihood, nats": last["bound/nll"],
            "KL divergence, nats": last["bound/kl"],
        }
    for name, model in models.items():
        rows[f"{name}: samples"] = list(model.sample(SHOWN))
    findings.rows("reconstructions", rows, "Test digits, their reconstructions, and samples")
    findings.curves("loss", names, "bound", "The loss, the negative ELBO in nats, per epoch")
    findings.table("Reconstruction, and the parts of the loss at the end", errors)
    grid = models[names[0]].generate(plane(PLANE_SIDE))
    findings.sheet("plane", grid, "The latent plane of two latents, at quantiles", PLANE_SIDE)


def draw_gan(findings: "Findings") -> None:
    """Samples of each size, the generator's and discriminator's losses, and distances."""
    from reverie.experiments.digits import digit_figures

    names = [f"gan-{size}" for size in SIZES]
    rows, figures = {}, {}
    for name in names:
        model = findings.model(name)
        rows[name] = list(model.sample(SHOWN))
        figures[name] = digit_figures(model, COUNT, ("frechet_distance", "precision", "recall"))
    findings.rows("samples", rows, "Samples: latents of seeds 0 to 11")
    for phase in ("generator", "discriminator"):
        findings.curves(phase, names, phase, f"The {phase}'s loss per epoch")
    findings.table(f"{COUNT:,} samples against 2,000 test digits", figures)


VAE_LATENTS = Experiment(
    about="VAEs of 2, 4 and 8 latents on digits: reconstructions, samples, loss, latent plane",
    trainings={
        f"vae-{size}": Training(method="vae", preset=f"digits-{size}", minutes=0.5)
        for size in SIZES
    },
    draw=draw_vae,
    minutes=0.2,
)

GAN_LATENTS = Experiment(
    about="GANs of 2, 4 and 8 latents on digits: samples, losses per epoch, distances",
    trainings={
        f"gan-{size}": Training(method="gan", preset=f"digits-{size}", minutes=3) for size in SIZES
    },
    draw=draw_gan,
    minutes=0.5,
)
