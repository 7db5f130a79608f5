"""Models in folders and on the hub: what others take a model from.

The methods are those of huggingface_hub's mixins. A folder holds the model in one safetensors file,
its configuration as text, and a card. huggingface_hub itself is asked for what is not on this disk.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from ..arguments import flag, text, wrong
from ..core.written import is_ours
from ..formats.keras_file import described
from ..formats.model_file import load_model, save_model
from ..formats.writing import write_text
from .card import card, checked

#: What a folder holds.
_MODEL, _CONFIG, _CARD = "model.safetensors", "config.json", "README.md"


class OnHub:
    """`save_pretrained`, `from_pretrained`, `push_to_hub`."""

    _table: Any

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        *,
        model_card_kwargs: Mapping[str, Any] | None = None,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        **options: Any,
    ) -> Any:
        """Writes the model into a folder, with a card that says what it is.

        Args:
            save_directory: the folder; it is made.
            model_card_kwargs: what the card says beside what the model knows: "description",
                "license", "datasets", "language", "tags".
            repo_id: its name on the hub, with push_to_hub; by default the folder's.
            push_to_hub: whether it goes to the hub too.
            options: of `push_to_hub`.

        Returns:
            With push_to_hub what the hub answers.

        Raises:
            ValueError: the model is not built.
            OSError: a file cannot be written; what was there is as it was.
        """
        if not isinstance(save_directory, (str, os.PathLike)):
            raise wrong("save_pretrained", "save_directory", "a path", save_directory)
        pushes = flag("save_pretrained", "push_to_hub", push_to_hub)
        if options and not pushes:
            raise TypeError(
                f"save_pretrained: {next(iter(options))}= is for the hub: give push_to_hub=True."
            )
        folder = Path(save_directory)
        given = checked("save_pretrained", model_card_kwargs)
        save_model(self, folder / _MODEL)
        configuration = json.dumps(described(self), indent=2)
        write_text(folder / _CONFIG, configuration, "save_pretrained")
        write_text(folder / _CARD, card(self, self._table(), given), "save_pretrained")
        if not pushes:
            return None
        return _pushed(repo_id or folder.name, folder, "save_pretrained", **options)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        custom_objects: Mapping[str, Any] | None = None,
        compile: bool = True,
        revision: str | None = None,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
    ) -> Self:
        """The model of a folder, or of a name on the hub: built, with the weights of the file.

        Of a class of one's own, `Tagger.from_pretrained(...)`, the file says with which arguments
        it is made; a model of another class is refused. Nothing in the file is executed.

        Args:
            pretrained_model_name_or_path: the folder, or a name as "someone/tagger".
            custom_objects: classes and functions of one's own, by name, beside this class.
            compile: whether the model is compiled as it was.
            revision: of the hub's: a branch, a tag or a commit.
            force_download: of the hub's: whether it is fetched though it is here.
            token: of the hub's.
            cache_dir: of the hub's.
            local_files_only: of the hub's: whether nothing is fetched.

        Raises:
            unpad.saving.FileError: the file is damaged, or of another kind.
            ValueError: it holds a model of another class.
            FileNotFoundError: the folder has no model.
            ImportError: huggingface_hub is not installed, and there is no such folder.
        """
        who, place = f"{cls.__name__}.from_pretrained", pretrained_model_name_or_path
        if not isinstance(place, (str, os.PathLike)):
            raise wrong(who, "pretrained_model_name_or_path", "a folder or a name", place)
        if Path(place).is_dir():
            path = Path(place) / _MODEL
            if not path.exists():
                raise FileNotFoundError(f"{who}: there is no {_MODEL} in {place}.")
        else:
            path = Path(_hub(who).hf_hub_download(
                str(place), _MODEL, revision=revision, force_download=force_download, token=token,
                cache_dir=cache_dir, local_files_only=local_files_only,
            ))  # fmt: skip
        own = {} if is_ours(cls) else {cls.__name__: cls}
        model = load_model(path, {**own, **(custom_objects or {})}, compile)
        if not isinstance(model, cls):
            raise ValueError(
                f"{who}: {place} holds a {type(model).__name__}. Load it as keras.Model."
                "from_pretrained, or by its own class."
            )
        return model

    def push_to_hub(
        self,
        repo_id: str,
        *,
        model_card_kwargs: Mapping[str, Any] | None = None,
        commit_message: str = "Push model using unpad.",
        private: bool | None = None,
        token: str | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
        api: Any = None,
    ) -> Any:
        """Brings the model to the hub: what `save_pretrained` writes, under a name.

        Args:
            repo_id: as "someone/tagger"; it is made where there is none.
            model_card_kwargs: of the card; see `save_pretrained`.
            commit_message: of the commit.
            private: whether only its owner sees it.
            token: by default that of the login.
            branch: by default the main one.
            create_pr: whether it is only proposed.
            api: what speaks to the hub; by default huggingface_hub's `HfApi`.

        Returns:
            What the hub answers.

        Raises:
            ImportError: huggingface_hub is not installed.
        """
        text("push_to_hub", "repo_id", repo_id)
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder, model_card_kwargs=model_card_kwargs)
            return _pushed(
                repo_id, Path(folder), "push_to_hub", commit_message=commit_message,
                private=private, token=token, branch=branch, create_pr=create_pr, api=api,
            )  # fmt: skip


def _pushed(
    repo_id: str,
    folder: Path,
    who: str,
    commit_message: str = "Push model using unpad.",
    private: bool | None = None,
    token: str | None = None,
    branch: str | None = None,
    create_pr: bool | None = None,
    api: Any = None,
) -> Any:
    api = api or _hub(who).HfApi(token=token)
    found = api.create_repo(repo_id=repo_id, private=private, exist_ok=True)
    return api.upload_folder(
        repo_id=getattr(found, "repo_id", repo_id), repo_type="model", folder_path=folder,
        allow_patterns=[_MODEL, _CONFIG, _CARD], commit_message=commit_message, revision=branch,
        create_pr=create_pr,
    )  # fmt: skip


def _hub(who: str) -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise ImportError(
            f"{who}: what is not in a folder here is asked of the hub by huggingface_hub: "
            "pip install 'unpad[hub]'."
        ) from None
    return huggingface_hub
