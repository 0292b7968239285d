"""ComfyTavern Cloud: what the product does, from HTTP handlers down to the engine."""
