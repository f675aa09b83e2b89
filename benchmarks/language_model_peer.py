"""The same weights in transformers: its LlamaForCausalLM, built from a configuration, with nothing from a hub."""

from typing import Any

import numpy as np

from course_lib.models.language_model import LanguageModel


def peer_of(model: LanguageModel) -> Any:
    """Return a LlamaForCausalLM in float32 with the weights of `model`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = model.config
    theirs = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config.vocabulary_size,
            hidden_size=config.d_model,
            intermediate_size=config.d_hidden,
            num_hidden_layers=config.n_layers,
            num_attention_heads=config.n_heads,
            num_key_value_heads=config.n_kv_heads,
            max_position_embeddings=config.context_length,
            rms_norm_eps=config.norm_epsilon,
            rope_theta=config.rotary_base,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=None,
        )
    )
    state = {name: torch.from_numpy(np.array(array)) for name, array in _their_names(model).items()}
    theirs.load_state_dict(state, strict=True)
    theirs.tie_weights()
    return theirs.eval()


def _their_names(model: LanguageModel) -> dict[str, Any]:
    config, parameters = model.config, model.parameters
    n_key = config.n_kv_heads * config.d_k
    embedding = parameters["embedding"]
    state = {
        "model.embed_tokens.weight": embedding, "lm_head.weight": embedding, "model.norm.weight": parameters["norm"],
    }  # fmt: skip
    for layer in range(config.n_layers):
        own, their = f"layer_{layer}.", f"model.layers.{layer}."
        query_key_value = parameters[f"{own}attention.w_query_key_value"]
        query, key, value = np.split(query_key_value, [config.d_model, config.d_model + n_key])
        gate, up = np.split(parameters[f"{own}feed_forward.w_gate_up"], 2)
        state |= {
            f"{their}self_attn.q_proj.weight": _halves(query, config.d_k),
            f"{their}self_attn.k_proj.weight": _halves(key, config.d_k),
            f"{their}self_attn.v_proj.weight": value,
            f"{their}self_attn.o_proj.weight": parameters[f"{own}attention.w_output"],
            f"{their}mlp.gate_proj.weight": gate,
            f"{their}mlp.up_proj.weight": up,
            f"{their}mlp.down_proj.weight": parameters[f"{own}feed_forward.w_down"],
            f"{their}input_layernorm.weight": parameters[f"{own}attention.norm"],
            f"{their}post_attention_layernorm.weight": parameters[f"{own}feed_forward.norm"],
        }
    return state


def _halves(weight: Any, d_k: int) -> Any:
    """Put the rows of each head, which turn in neighbouring pairs, in the order of pairs across halves."""
    heads = weight.reshape(-1, d_k // 2, 2, weight.shape[-1])
    return heads.swapaxes(1, 2).reshape(weight.shape)
