"""Keras's public names that are not here: which, why, and what does their work.

`tests/keras/test_walk.py` walks all names of Keras: each is here or stands in this table.
"""

from __future__ import annotations

IMAGES = "images are out of scope."
AUDIO = "audio is out of scope."
VOLUMES = IMAGES
QUANTIZED = "torch.ao.quantization works on a layer, as on any torch module."
SPREAD = "torchrun and fit share a batch among processes: docs/scale.md."
OTHERS = "models are torch's; another framework's cannot stand in them."
COLUMNS = "columns of tables: data frames and Arrow tables go into fit as they are: docs/data.md."
STATELESS = "torch.func.functional_call(model, weights, inputs) runs a model on given weights."
ON_TABLES = "it holds no sequences; scikit-learn has it."


def _below(home: str, reason: str, names: str) -> dict[str, str]:
    return {f"{home}.{name}".lstrip("."): reason for name in names.split()}


#: By their names below `keras`; what stands for a module stands for all in it.
NOT_TAKEN: dict[str, str] = {
    "applications": IMAGES,
    "datasets.boston_housing": ON_TABLES,
    "datasets.california_housing": ON_TABLES,
    **_below("datasets", IMAGES, "cifar10 cifar100 fashion_mnist mnist"),
    "datasets.reuters.get_label_names": "the 46 topics by number: y is the number.",
    "distillation": "train a student in a train_step of your own; a Teacher is a Model.",
    "distribution": SPREAD,
    "estimator": "a model is trained with fit.",
    "legacy": "saving.load_model and load_weights read what older Keras wrote.",
    "optimizers.legacy": "keras.optimizers has them under their names.",
    "preprocessing.image": IMAGES,
    "preprocessing.image_dataset_from_directory": IMAGES,
    "preprocessing.text_dataset_from_directory": "its home is keras.utils now.",
    "preprocessing.timeseries_dataset_from_array": "its home is keras.utils now.",
    "quantizers": QUANTIZED,
    "utils.bounding_boxes": IMAGES,
    "utils.legacy": "keras.saving has them.",
    "visualization": IMAGES,
    "ops.image": IMAGES,
    # --- at the top
    **_below("", STATELESS, "StatelessScope SymbolicScope Function"),
    "FloatDTypePolicy": "DTypePolicy is it.",
    "InputSpec": "say what comes in by Input, and refuse it in output_spec(self, spec).",
    "Quantizer": QUANTIZED,
    "RematScope": "torch.utils.checkpoint.checkpoint computes a part anew on the way back.",
    "remat": "torch.utils.checkpoint.checkpoint computes a part anew on the way back.",
    "device": "model.to(device) moves a model; `with torch.device(name):` makes weights there.",
    # --- backend and config
    "backend.get_uid": "layers get names of their own.",
    **_below("backend", IMAGES, "image_data_format set_image_data_format"),
    **_below("config", IMAGES, "image_data_format set_image_data_format"),
    "backend.set_epsilon": "give the layer or optimizer its epsilon=.",
    "config.set_epsilon": "give the layer or optimizer its epsilon=.",
    "config.set_backend": "the backend is torch.",
    "config.is_nnx_enabled": OTHERS,
    **_below("config", "kernels.force chooses how attention is computed; kernels.info lists it.",
             "enable_flash_attention disable_flash_attention is_flash_attention_enabled"),
    **_below("config", "verbose= of fit, evaluate and predict says what is printed.",
             "enable_interactive_logging disable_interactive_logging "
             "is_interactive_logging_enabled"),
    **_below("utils", "verbose= of fit, evaluate and predict says what is printed.",
             "enable_interactive_logging disable_interactive_logging "
             "is_interactive_logging_enabled"),
    **_below("config", "errors name who, what and where first; their tracebacks are Python's.",
             "enable_traceback_filtering disable_traceback_filtering "
             "is_traceback_filtering_enabled"),
    "config.enable_unsafe_deserialization": "nothing that a file holds is ever run.",
    **_below("config", "epochs= and steps_per_epoch= of fit say it.",
             "max_epochs max_steps_per_epoch set_max_epochs set_max_steps_per_epoch"),
    # --- callbacks, saving, export
    "callbacks.CallbackList": "fit, evaluate and predict take a list: callbacks=[...].",
    "callbacks.ProgbarLogger": "verbose=1 of fit.",
    "callbacks.OrbaxCheckpoint": OTHERS,
    "export.ExportArchive": "model.export(path) writes ONNX or torch's graph: docs/export.md.",
    "saving.KerasFileEditor": "saving.load_model reads a file; h5py opens its weights.",
    # --- numbers
    **_below("dtype_policies", QUANTIZED, "AWQDTypePolicy GPTQDTypePolicy Int4DTypePolicy "
             "QuantizedDTypePolicy QuantizedFloat8DTypePolicy"),
    "dtype_policies.DTypePolicyMap": "give each layer its dtype=.",
    **_below("initializers", AUDIO, "STFT STFTInitializer stft"),
    **_below("losses", IMAGES, "Dice Tversky dice tversky"),
    **_below("metrics", IMAGES, "BinaryIoU IoU MeanIoU OneHotIoU OneHotMeanIoU"),
    **_below("ops", IMAGES, "depth_to_space fold psnr space_to_depth unfold"),
    **_below("ops.nn", IMAGES, "depth_to_space fold psnr space_to_depth unfold"),
    "ops.conv_transpose": "layers.Conv1DTranspose goes along each sequence.",
    "ops.nn.conv_transpose": "layers.Conv1DTranspose goes along each sequence.",
    "ops.rearrange": "ops.reshape and ops.transpose do it; einops works on values.",
    # --- layers
    "layers.InputSpec": "say what comes in by Input, and refuse it in output_spec(self, spec).",
    **_below("layers", OTHERS, "FlaxLayer JaxLayer TFSMLayer"),
    **_below("layers", AUDIO, "MelSpectrogram STFTSpectrogram"),
    **_below("layers", "a sequence of images is out of scope; of vectors: LSTM, Conv1D.",
             "ConvLSTM1D ConvLSTM2D ConvLSTM3D"),
    **_below("layers", IMAGES, """
        AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling2D AdaptiveMaxPooling3D
        AugMix AutoContrast AveragePooling2D AveragePooling3D AvgPool2D AvgPool3D CenterCrop
        ContrastLimitedAdaptiveHistogramEqualization Conv2D Conv2DTranspose Conv3D Conv3DTranspose
        Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping2D
        Cropping3D CutMix DepthwiseConv2D Equalization GlobalAveragePooling2D
        GlobalAveragePooling3D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool2D GlobalMaxPool3D
        GlobalMaxPooling2D GlobalMaxPooling3D MaxNumBoundingBoxes MaxPool2D MaxPool3D MaxPooling2D
        MaxPooling3D MixUp RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter
        RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip
        RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective
        RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear
        RandomTranslation RandomZoom Resizing SeparableConv2D SeparableConvolution2D Solarization
        SpatialDropout2D SpatialDropout3D UpSampling2D UpSampling3D ZeroPadding2D ZeroPadding3D"""),
    # --- utils
    **_below("utils", IMAGES, "array_to_img image_dataset_from_directory img_to_array load_img "
             "save_img"),
    "utils.audio_dataset_from_directory": AUDIO,
    "utils.Config": "a dataclass of your own.",
    "utils.FeatureSpace": COLUMNS,
    "utils.Progbar": "verbose=1 of fit.",
    "utils.get_source_inputs": "Model(inputs, outputs).inputs.",
    "utils.model_to_dot": "utils.plot_model draws a model; no graphviz is needed.",
}  # fmt: skip

PRETRAINED = "ready-made models are out of scope; Transformers has them, as torch modules."

#: Of TensorFlow, by their names below `tensorflow`.
NOT_TAKEN_OF_TENSORFLOW: dict[str, str] = {
    "audio": AUDIO,
    "distribute": SPREAD,
    "image": IMAGES,
    "io": "Python opens files, tf.data.TextLineDataset reads lines; no images and no audio.",
    "saved_model": "model.save(path) writes .keras, model.export(path) ONNX: docs/files.md.",
    "signal.stft": AUDIO,
    "tpu": "models run where torch does: CPUs and CUDA.",
    "train": "model.save_weights(path), and ModelCheckpoint and BackupAndRestore of callbacks.",
}

#: Packages that rest on Keras or TensorFlow themselves, which cannot run on their stand-ins.
OTHER_PACKAGES: dict[str, str] = {
    "keras_cv": IMAGES,
    "keras_hub": PRETRAINED,
    "keras_nlp": PRETRAINED,
    "tensorflow_addons": "keras.layers, losses and optimizers have most of what it had.",
    "tensorflow_hub": PRETRAINED,
    "tensorflow_text": "layers.TextVectorization cuts texts; tokenizers has WordPiece.",
}
