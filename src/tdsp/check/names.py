"""Names of packages: what an import is called in an index, and what brings it along."""

import re

# Imports whose distribution has another name; one of these has to be asked for.
DISTRIBUTIONS = {
    "omegaconf": "omegaconf hydra-core",  # Hydra's own documents import it
    "autogen": "ag2 autogen autogen-agentchat pyautogen",
    "grpc": "grpcio",
    "ignite": "pytorch-ignite",
    "packageurl": "packageurl-python",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "community": "python-louvain",
    "Crypto": "pycrypto pycryptodome",
    "cv2": "opencv-contrib-python opencv-python opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu faiss-gpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "imblearn": "imbalanced-learn",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "kafka": "kafka-python kafka-python-ng",
    "keras": "keras tensorflow tensorflow-cpu tensorflow-gpu",
    "Levenshtein": "levenshtein python-levenshtein",
    "lightning": "lightning pytorch-lightning",
    "magic": "python-magic",
    "mlflow": "mlflow mlflow-skinny",
    "model_archiver": "torch-model-archiver",
    "mpl_toolkits": "matplotlib",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg": "psycopg psycopg-binary",
    "psycopg2": "psycopg2 psycopg2-binary",
    "pylab": "matplotlib",
    "pyspark": "databricks-connect pyspark",
    "pywt": "pywavelets",
    "pytorch_lightning": "lightning pytorch-lightning",
    "ruamel": "ruamel-yaml",
    "sentence_transformers": "sentence-transformers",
    "serial": "pyserial",
    "bson": "pymongo",
    "gridfs": "pymongo",
    "skopt": "scikit-optimize",
    "skimage": "scikit-image",
    "skmisc": "scikit-misc",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "snowflake": "snowflake-connector-python snowflake-snowpark-python",
    "surprise": "scikit-surprise",
    "telegram": "python-telegram-bot",
    "tensorflow": "tensorflow tensorflow-cpu tensorflow-gpu tensorflow-macos tf-nightly",
    "torch": "pytorch pytorch-cpu torch",
    "ts": "torchserve",
    "umap": "umap-learn",
    "websocket": "websocket-client",
    "win32com": "pywin32",
    "xgboost": "py-xgboost xgboost xgboost-cpu",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
# What comes with another package, and is often imported without being asked for.
COMES_WITH = {
    "boto3": "feast[aws] sagemaker",
    "botocore": "boto3 sagemaker",
    "click": "flask mlflow typer",
    "certifi": "httpx kedro-telemetry requests",
    "cloudpickle": "mlflow",
    "grpcio": "qdrant-client tensorflow",
    "httpx": "anthropic openai",
    "langchain-core": "langchain langchain-community langgraph",
    "lightning-utilities": "lightning pytorch-lightning torchmetrics",
    "prometheus-client": "prometheus-fastapi-instrumentator prometheus-flask-exporter",
    "packaging": "matplotlib mlflow transformers",
    "docutils": "sphinx",
    "jinja2": "dbt-core flask mlflow nbconvert ploomber torch",
    "joblib": "scikit-learn sklearn",
    "jupytext": "ploomber",
    "markupsafe": "jinja2",
    "inference-schema": "azureml-defaults",
    "matplotlib": "catboost lime seaborn",
    "cycler": "matplotlib",
    "msrest": "azureml-core azureml-sdk",
    "nbformat": "great-expectations jupyter jupyterlab nbconvert notebook papermill ploomber",
    "networkx": "osmnx scikit-image torch-geometric",
    "numpy": "lightgbm matplotlib pandas scikit-learn scipy tensorflow torch xgboost",
    "pandas": "evidently geopandas great-expectations llama-index mlflow seaborn shap",
    "papermill": "ploomber",
    "pillow": "matplotlib scikit-image streamlit",
    "pydantic": "fastapi langchain llama-index openai pydantic-settings",
    "python-dotenv": "pydantic-settings webdriver-manager",
    "pytz": "apscheduler flask-apscheduler pandas",
    "pyyaml": "awscli dvc mlflow",
    "requests": "azureml-sdk google-cloud-storage huggingface-hub mlflow sphinx transformers",
    "scipy": "scikit-learn",
    "shapely": "geopandas osmnx",
    "starlette": "fastapi",
    "typing-extensions": "fastapi langchain openai pydantic pydantic-settings torch",
    "werkzeug": "flask",
}
# The standard library of Python 2, as far as Python 3 has another name for it.
PYTHON2 = frozenset(
    (
        *("ConfigParser", "Cookie", "HTMLParser", "Queue", "SocketServer", "StringIO", "Tkinter"),
        *("cPickle", "cStringIO", "commands", "cookielib", "httplib", "md5", "sets", "sha"),
        *("urllib2", "urlparse", "xmlrpclib"),
    )
)
# Imports that several distributions share.
NAMESPACES = frozenset(
    (
        *("airflow", "aws_cdk", "azure", "azureml", "backports", "dagster", "databricks", "google"),
        *("lightning_fabric", "llama_index", "nvidia", "opentelemetry", "prefect"),
        *("sphinxcontrib", "zope"),
    )
)
# What helps people to work, and changes no result.
TOOLS = frozenset(
    (
        *("jupyter", "jupyterlab", "notebook", "ipykernel", "ipython", "nbconvert", "nb-black"),
        *("pip", "setuptools", "wheel", "black", "flake8", "isort", "ruff", "pylint", "mypy"),
        *("pre-commit", "pytest", "pytest-cov", "tox", "twine", "coverage", "behave", "selenium"),
        *("sphinx", "awscli"),
    )
)
# Folders of what somebody no longer needs.
PUT_ASIDE = re.compile(
    r"(?i)(^|/)_?((deprecated|archived?|old|outdated|obsolete|legacy|attic)([_ -][^/]*)?|te?mp)/"
)
# How a project names its own modules; no distribution is meant.
OWN = re.compile(
    r"(?i)(my_?\w+|your_?\w+|dataset|data|models?|utils?|helpers?|config(uration)?|settings|"
    r"train(er|ing)?|src|main|common|[a-z]+_(dataset|model|utils?|helpers?)|project|preprocess(ing)?|features?|evaluation)$"
)
