"""
A pendulum, identified and brought upright
==========================================

Two small networks. The first learns from 300 measurements how a pendulum with a weak motor
accelerates: by Levenberg and Marquardt's method, whose error falls by orders of magnitude where
Adam's creeps. The second is a controller. It is trained *through* the first: the cost is known
where the simulated motion ends, and ``Network.backward`` hands ∂C/∂a on, from one network
to the one before it, back through time.
"""

import matplotlib.pyplot as plt
import numpy as np

from bpcore import Network, Optimizer

rng = np.random.default_rng(0)
DT, STEPS = 0.05, 60


def acceleration(angle, speed, torque):
    """Of the real pendulum; 0 is upright."""
    return 9.8 * np.sin(angle) - 0.2 * speed + 12.0 * torque


def seen(angle, speed, torque):
    """What the model is told: sine and cosine, since an angle goes round."""
    return np.column_stack([np.sin(angle), np.cos(angle), speed / 8, torque])


# %%
# **The model.** The same network and data, three ways to train it.

angle = rng.uniform(-np.pi, np.pi, 300)
speed, torque = rng.uniform(-8, 8, 300), rng.uniform(-1, 1, 300)
X = seen(angle, speed, torque)
Y = acceleration(angle, speed, torque)[:, None] / 10
curves = {}
for optimizer, epochs in (("lm", 40), ("lbfgs", 150), ("adam", 1000)):
    model = Network((4, 8, 1), "tanh", "identity", dtype="float64", random_state=0)
    history = model.fit(X, Y, epochs=epochs, optimizer=optimizer)
    curves[optimizer] = np.sqrt(history.cost)
    print(f"{optimizer}: error {curves[optimizer][-1]:.1e} in {history.total_seconds:.3f} s")
model = Network((4, 8, 1), "tanh", "identity", dtype="float64", random_state=0)
model.fit(X, Y, epochs=100, optimizer="lm")

# %%
# **The controller.** A few seconds are simulated with the model in the pendulum's place, from 32
# starts at once. On the way back the derivative of the cost by the state goes through each step:
# through the model to its inputs, from the torque among them through the controller.

controller = Network((3, 16, 1), "tanh", "tanh", dtype="float64", random_state=1)
adam = Optimizer("adam", n_parameters=controller.n_parameters, dtype="float64", learning_rate=0.01)


def simulate(n, plant):
    """The states and torques of n motions, and how the plant answered."""
    angle, speed = rng.uniform(-0.8, 0.8, n), rng.uniform(-1, 1, n)
    states, torques = [(angle, speed)], []
    for _ in range(STEPS):
        inputs = seen(angle, speed, np.zeros(n))[:, :3]
        torques.append(controller.predict(inputs)[:, 0])
        speed = speed + DT * plant(angle, speed, torques[-1])
        angle = angle + DT * speed
        states.append((angle, speed))
    return states, torques


def by_model(angle, speed, torque):
    """The acceleration that the model expects."""
    return 10 * model.predict(seen(angle, speed, torque))[:, 0]


costs = []
for _ in range(250):
    states, torques = simulate(32, by_model)
    n = len(torques[0])
    gradient = np.zeros(controller.n_parameters)
    to_angle, to_speed = np.zeros(n), np.zeros(n)  # ∂C/∂ of the state after a step
    for (angle, speed), (after, rate), torque in zip(
        states[-2::-1], states[:0:-1], torques[::-1], strict=True
    ):
        to_angle = to_angle + 2 * after / n / STEPS  # C = mean of angle² + 0.05 speed²
        to_speed = to_speed + 0.1 * rate / n / STEPS + DT * to_angle
        inputs = model.backward(seen(angle, speed, torque), (10 * DT * to_speed)[:, None]).inputs
        back = controller.backward(seen(angle, speed, torque)[:, :3], inputs[:, 3:])
        gradient += back.vector
        inputs[:, :3] += back.inputs
        to_angle = to_angle + inputs[:, 0] * np.cos(angle) - inputs[:, 1] * np.sin(angle)
        to_speed = to_speed + inputs[:, 2] / 8
    gradient *= min(1.0, 1.0 / np.linalg.norm(gradient))
    adam.update(controller.parameters, gradient)
    costs.append(np.mean([a**2 + 0.05 * s**2 for a, s in states]))
print(f"cost of a motion: {costs[0]:.2f} before, {np.mean(costs[-10:]):.3f} after training")

states, torques = simulate(20, acceleration)  # the real one, which it has never met
end = np.abs([angle for angle, _ in states[-10:]]).max()
print(f"the real pendulum stands within {np.degrees(end):.1f}° of upright, from all 20 starts")

# %%
# How the three methods identify it, and how the real pendulum comes upright.

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained")
for (name, errors), color in zip(curves.items(), ("#D55E00", "#0072B2", "#009E73"), strict=True):
    left.loglog(np.arange(1, len(errors) + 1), errors, color=color, linewidth=1.8, label=name)
left.set_xlabel("iteration, or epoch")
left.set_ylabel("root mean square error")
left.legend(frameon=False)
left.set_title("Identification")
time = DT * np.arange(STEPS + 1)
for motion in np.degrees([angle for angle, _ in states]).T:
    right.plot(time, motion, color="#0072B2", alpha=0.5, linewidth=1)
right.axhline(0, color="0.6", linewidth=0.8)
right.set_xlabel("time, s")
right.set_ylabel("angle from upright, degrees")
right.set_title("Control")
plt.show()
