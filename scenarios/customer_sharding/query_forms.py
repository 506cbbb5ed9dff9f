"""Every form of query that peewee offers, as a customer's request might use it in a database shared with another one.

`READS` and `WRITES` have each form by its name, `RAW` those that go past the sharded models. Each is a function that
executes the form on the database of the session and returns what the request gets.
"""

import peewee
from peewee import JOIN, SQL, Case, Table, fn

from reference.customer_sharding.requests.models import ShardedModel

OWN, OTHER = "own", "other"  # the customer of the request, and the other one
# Rows of both customers; names tell whose they are.
TABLES = {
    "postgres": """
        CREATE TABLE shop (id bigint PRIMARY KEY, name text UNIQUE, stock bigint, customer_id text NOT NULL);
        CREATE TABLE sale (id bigint PRIMARY KEY, shop_id bigint REFERENCES shop, customer_id text NOT NULL)""",
    "mysql": """
        CREATE TABLE shop (id bigint PRIMARY KEY, name varchar(64) UNIQUE, stock bigint,
            customer_id varchar(64) NOT NULL);
        CREATE TABLE sale (id bigint PRIMARY KEY, shop_id bigint, customer_id varchar(64) NOT NULL,
        FOREIGN KEY (shop_id) REFERENCES shop (id))""",
}
ROWS = f"""INSERT INTO shop VALUES (1, '{OWN} 1', 5, '{OWN}'), (2, '{OWN} 2', 5, '{OWN}'),
    (3, '{OTHER} 3', 5, '{OTHER}'), (4, '{OTHER} 4', 5, '{OTHER}');
    INSERT INTO sale VALUES (1, 1, '{OWN}'), (2, 1, '{OWN}'), (3, 3, '{OTHER}'), (4, 1, '{OTHER}')"""


class Shop(ShardedModel):
    id = peewee.BigIntegerField(primary_key=True)
    name = peewee.TextField()
    stock = peewee.BigIntegerField(default=0)
    customer_id = peewee.TextField()


class Sale(ShardedModel):
    id = peewee.BigIntegerField(primary_key=True)
    shop = peewee.ForeignKeyField(Shop, backref="sales")
    customer_id = peewee.TextField()


class PlainShop(peewee.Model):
    """A model of the same table that is not sharded."""

    id = peewee.BigIntegerField(primary_key=True)
    name = peewee.TextField()
    customer_id = peewee.TextField()

    class Meta:
        table_name = "shop"


SHOP = Table("shop", ("id", "name", "stock", "customer_id"))


def seen(value):
    """Fetch what a form returned, and return it as text, so that it can be compared."""
    if isinstance(value, peewee.Model):
        return repr(value.__data__)
    if isinstance(value, str | int | float | bool | bytes | type(None)):
        return repr(value)
    if isinstance(value, dict):
        return repr({key: seen(each) for key, each in value.items()})
    if hasattr(value, "fetchall"):
        return repr(sorted(value.fetchall()) if value.description else [])
    return repr(sorted(map(seen, value)))


def shops(query=None):
    return [shop.name for shop in (Shop.select() if query is None else query)]


def cte():
    every = Shop.select(Shop.name).cte("every")
    return list(Shop.select(every.c.name).from_(every).with_cte(every).tuples())


def recursive_cte():
    first = Shop.select(Shop.id, Shop.name).where(Shop.id == 1).cte("chain", recursive=True)
    following = Shop.alias()
    rest = following.select(following.id, following.name).join(first, on=(following.id == first.c.id + 1))
    chain = first.union_all(rest)
    return list(Shop.select(chain.c.name).from_(chain).with_cte(chain).tuples())


def updated_from():
    other = Shop.alias()
    source = other.select(other.id).alias("source")
    return Shop.update(stock=source.c.id).from_(source).where(Shop.id == source.c.id + 1).execute()


def saved_by_key():
    shop = Shop(id=3, name="taken", customer_id=OWN)
    return shop.save()


def bulk_updated():
    return Shop.bulk_update([Shop(id=3, name="taken", customer_id=OWN)], fields=[Shop.name])


# Reading
READS = {
    "select": shops,
    "select where": lambda: shops(Shop.select().where(Shop.stock == 5)),
    "select orwhere": lambda: shops(Shop.select().where(Shop.id == 1).orwhere(Shop.id == 3)),
    "select where or": lambda: shops(Shop.select().where((Shop.id == 1) | (Shop.id == 3))),
    "filter": lambda: shops(Shop.filter(id__in=[1, 3])),
    "where of a fragment with or": lambda: shops(Shop.select().where(SQL("stock = 0 OR stock = 5"))),
    "where of a node list with or": lambda: shops(
        Shop.select().where(peewee.NodeList((Shop.id == 1, SQL("OR"), Shop.id == 3)))
    ),
    "where of a negated fragment": lambda: shops(Shop.select().where(~SQL("stock = 0 OR stock = 5"))),
    "get": lambda: Shop.get(Shop.id == 3),
    "get_or_none": lambda: Shop.get_or_none(Shop.id == 3),
    "get_by_id": lambda: Shop.get_by_id(3),
    "index by key": lambda: Shop[3],
    "in": lambda: 3 in Shop,
    "len": lambda: len(Shop),
    "iteration": lambda: list(Shop),
    "count": lambda: Shop.select().count(),
    "exists": lambda: Shop.select().where(Shop.id == 3).exists(),
    "scalar": lambda: Shop.select(fn.MAX(Shop.name)).scalar(),
    "first": lambda: Shop.select().order_by(Shop.id.desc()).first(),
    "peek": lambda: Shop.select().order_by(Shop.id.desc()).peek(),
    "tuples": lambda: list(Shop.select(Shop.name).tuples()),
    "dicts": lambda: list(Shop.select().dicts()),
    "namedtuples": lambda: list(Shop.select().namedtuples()),
    "objects": lambda: [shop.name for shop in Shop.select().objects()],
    "iterator": lambda: [shop.name for shop in Shop.select().iterator()],
    "slice": lambda: shops(Shop.select().order_by(Shop.id.desc())[:2]),
    "paginate": lambda: shops(Shop.select().order_by(Shop.id.desc()).paginate(1, 3)),
    "distinct": lambda: shops(Shop.select(Shop.name).distinct()),
    "for update": lambda: shops(Shop.select().for_update()),
    "group by and having": lambda: list(
        Shop.select(fn.MAX(Shop.name), fn.COUNT(Shop.id)).group_by(Shop.stock).having(fn.COUNT(Shop.id) > 1).tuples()
    ),
    "window function": lambda: list(Shop.select(Shop.name, fn.COUNT(Shop.id).over()).tuples()),
    "case": lambda: list(Shop.select(Case(None, [(Shop.id > 0, Shop.name)], "")).tuples()),
    "alias": lambda: [shop.name for shop in Shop.alias().select()],
    "inner join": lambda: list(Sale.select(Sale.id, Shop.name).join(Shop).tuples()),
    "left outer join": lambda: list(Shop.select(Shop.name, Sale.id).join(Sale, JOIN.LEFT_OUTER).tuples()),
    "left outer join of another customer's row": lambda: list(
        Shop.select(Shop.name, Sale.customer_id).join(Sale, JOIN.LEFT_OUTER, on=(Sale.shop == Shop.id)).tuples()
    ),
    "right outer join": lambda: list(Sale.select(Sale.id, Shop.name).join(Shop, JOIN.RIGHT_OUTER).tuples()),
    "full join": lambda: list(Sale.select(Sale.id, Shop.name).join(Shop, JOIN.FULL).tuples()),
    "cross join": lambda: list(Shop.select(Sale.customer_id).join(Sale, JOIN.CROSS).tuples()),
    "join on a fragment with or": lambda: list(
        Shop.select(Sale.customer_id).join(Sale, on=SQL("1 = 1 OR 2 = 2")).tuples()
    ),
    "self join": lambda: list(_self_join().tuples()),
    "two models in from": lambda: list(Shop.select(Sale.customer_id).from_(Shop, Sale).tuples()),
    "back reference": lambda: [sale.customer_id for sale in Shop.get_by_id(1).sales],
    "foreign key": lambda: [sale.shop.name for sale in Sale.select()],
    "prefetch": lambda: [
        [sale.customer_id for sale in shop.sales] for shop in peewee.prefetch(Shop.select(), Sale.select())
    ],
    "subquery in where": lambda: shops(Shop.select().where(Shop.id.in_(Sale.select(Sale.shop)))),
    "subquery in select": lambda: list(
        Shop.select(Shop.alias("inner").select(fn.MAX(Shop.alias("inner").name)).alias("most")).tuples()
    ),
    "subquery in from": lambda: list(Shop.select(SQL("name")).from_(Shop.select(Shop.name).alias("every")).tuples()),
    "exists of a subquery": lambda: shops(Shop.select().where(fn.EXISTS(Sale.select().where(Sale.shop == Shop.id)))),
    "union": lambda: list((Shop.select(Shop.name) | Shop.select(Shop.name)).tuples()),
    "union all": lambda: list((Shop.select(Shop.name) + Shop.select(Shop.name)).tuples()),
    "intersect": lambda: list((Shop.select(Shop.name) & Shop.select(Shop.name)).tuples()),
    "except": lambda: list((Shop.select(Shop.name) - Shop.select(Shop.name).where(Shop.id == 1)).tuples()),
    "common table expression": cte,
    "recursive common table expression": recursive_cte,
}


def _self_join():
    other = Shop.alias()
    return Shop.select(other.name).join(other, on=(other.stock == Shop.stock))


# Writing
WRITES = {
    "create": lambda: Shop.create(id=9, name="own 9", customer_id=OWN),
    "create for another": lambda: Shop.create(id=9, name="own 9", customer_id=OTHER),
    "save over another's key": saved_by_key,
    "insert": lambda: Shop.insert(id=9, name="own 9", customer_id=OWN).execute(),
    "insert for another": lambda: Shop.insert(id=9, name="own 9", customer_id=OTHER).execute(),
    "insert_many": lambda: Shop.insert_many([{"id": 9, "name": "own 9", "customer_id": OWN}]).execute(),
    "insert_many for another": lambda: Shop.insert_many(
        [(9, "own 9", OTHER)], [Shop.id, Shop.name, Shop.customer_id]
    ).execute(),
    "insert_from": lambda: Shop.insert_from(Shop.select(Shop.id + 9, Shop.name), [Shop.id, Shop.name]).execute(),
    "bulk_create": lambda: Shop.bulk_create([Shop(id=9, name="own 9", customer_id=OWN)]),
    "bulk_create for another": lambda: Shop.bulk_create([Shop(id=9, name="own 9", customer_id=OTHER)]),
    "get_or_create": lambda: Shop.get_or_create(id=3, defaults={"name": "own 9", "customer_id": OWN}),
    "on_conflict_ignore": lambda: Shop.insert(id=3, name="taken", customer_id=OWN).on_conflict_ignore().execute(),
    "on_conflict update": lambda: (
        Shop.insert(id=3, name="taken", customer_id=OWN)
        .on_conflict(conflict_target=[Shop.id], update={Shop.name: "taken"})
        .execute()
    ),
    "on_conflict preserve": lambda: (
        Shop.insert(id=3, name="taken", customer_id=OWN).on_conflict(preserve=[Shop.name]).execute()
    ),
    "on_conflict_replace": lambda: Shop.insert(id=3, name="taken", customer_id=OWN).on_conflict_replace().execute(),
    "replace": lambda: Shop.replace(id=3, name="taken", customer_id=OWN).execute(),
    "replace_many": lambda: Shop.replace_many([{"id": 3, "name": "taken", "customer_id": OWN}]).execute(),
    "update": lambda: Shop.update(stock=0).execute(),
    "update orwhere": lambda: Shop.update(stock=0).where(Shop.id == 1).orwhere(Shop.id == 3).execute(),
    "update where a fragment with or": lambda: Shop.update(stock=0).where(SQL("stock = 1 OR stock = 5")).execute(),
    "update of the customer": lambda: Shop.update(customer_id=OTHER).execute(),
    "update from": updated_from,
    "update returning": lambda: list(Shop.update(stock=0).returning(Shop.name).execute()),
    "update of a subquery": lambda: (
        Shop.update(name=Sale.select(fn.MAX(Sale.customer_id))).where(Shop.id == 1).execute()
    ),
    "set_by_id": lambda: Shop.set_by_id(3, {"stock": 0}),
    "item assignment": lambda: Shop.__class__.__setitem__(Shop, 3, {"stock": 0}),
    "bulk_update": bulk_updated,
    "delete": lambda: Sale.delete().execute(),
    "delete orwhere": lambda: Sale.delete().where(Sale.id == 1).orwhere(Sale.id == 3).execute(),
    "delete returning": lambda: list(Sale.delete().returning(Sale.customer_id).execute()),
    "delete_by_id": lambda: Sale.delete_by_id(3),
    "item deletion": lambda: Sale.__class__.__delitem__(Sale, 3),
    "delete_instance": lambda: Sale(id=3, customer_id=OWN).delete_instance(),
    "delete_instance of dependents": lambda: Shop.get_by_id(1).delete_instance(recursive=True),
    "truncate_table": Shop.truncate_table,
}

# Past the models
RAW = {
    "raw of a model": lambda _: list(Shop.raw("SELECT * FROM shop")),
    "raw of a plain model": lambda database: _plain(database, lambda: list(PlainShop.raw("SELECT * FROM shop"))),
    "execute_sql": lambda database: database.execute_sql("SELECT * FROM shop"),
    "execute_sql that updates": lambda database: database.execute_sql("UPDATE shop SET stock = 0"),
    "execute_sql that deletes": lambda database: database.execute_sql("DELETE FROM sale"),
    "RawQuery": lambda database: peewee.RawQuery("SELECT * FROM shop", _database=database).execute(database),
    "table": lambda database: list(SHOP.select(SHOP.name).tuples().execute(database)),
    "table that updates": lambda database: SHOP.update({SHOP.stock: 0}).execute(database),
    "table in a subquery": lambda _: shops(Shop.select().where(Shop.id.in_(SHOP.select(SHOP.id)))),
    "table in a selected subquery": lambda _: list(Shop.select(SHOP.select(fn.MAX(SHOP.name))).tuples()),
    "table in from": lambda _: list(Shop.select(SHOP.name).from_(SHOP).tuples()),
    "table in a join": lambda _: list(Shop.select(SHOP.name).join(SHOP, on=(SHOP.stock == Shop.stock)).tuples()),
    "plain model": lambda database: _plain(database, lambda: [shop.name for shop in PlainShop.select()]),
    "plain model in a subquery": lambda _: shops(Shop.select().where(Shop.id.in_(PlainShop.select()))),
    "plain model in a join": lambda _: list(
        Shop.select(PlainShop.name).join(PlainShop, on=(PlainShop.id != Shop.id)).tuples()
    ),
    "fragment that selects": lambda _: list(Shop.select(SQL("(SELECT max(name) FROM shop)")).tuples()),
    "fragment that selects in where": lambda _: shops(Shop.select().where(SQL("stock IN (SELECT stock FROM shop)"))),
    "fragment that ends the condition": lambda _: shops(Shop.select().where(SQL("1 = 2) OR (1 = 1"))),
    "fragment in order by": lambda _: shops(Shop.select().order_by(SQL("(SELECT count(*) FROM shop)"))),
    "fragment in from": lambda _: list(Shop.select(SQL("name")).from_(SQL("shop")).tuples()),
    "values in from": lambda _: list(Shop.select(SQL("1")).from_(peewee.ValuesList([(1,)])).tuples()),
}


def _plain(database, query):
    with PlainShop.bind_ctx(database):
        return query()
