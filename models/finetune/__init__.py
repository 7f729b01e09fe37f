"""Fine-tuning a pretrained image network on coded images; the only folder that trains with torch.

`run.py` goes from items to a folder that serves without torch; the rest are its steps.
"""
