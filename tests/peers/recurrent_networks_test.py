"""LSTM, GRU and RNN, exported in float and quantized, in ONNX Runtime."""

import unittest

import random_networks_test
import recurrent_networks


class RecurrentNetworksTest(random_networks_test.RandomNetworksTest):
    NETWORKS = recurrent_networks.NETWORKS


if __name__ == "__main__":
    unittest.main()
