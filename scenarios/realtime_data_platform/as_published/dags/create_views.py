import pendulum
from airflow.providers.trino.operators.trino import TrinoOperator
from airflow.sdk import DAG

with DAG(dag_id="create_views", schedule="@daily", start_date=pendulum.now("GMT"), catchup=False):
    TrinoOperator(task_id="person", trino_conn_id="trino", sql="sql/views/person.sql")
