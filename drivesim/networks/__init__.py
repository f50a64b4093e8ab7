"""The networks: an autoencoder, an image U-Net, an upsampler, and the temporal parts that make them video networks."""
