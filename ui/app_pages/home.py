import streamlit as st, time
from ui import session, parts
from db.engine import rows
person = session.here()
st.write("hello", person.user.name)
@st.fragment
def f():
    parts.live(person.workspace.id, "message", key="live")
    with person.read() as tx:
        n = rows(tx, "SELECT count(*) AS n FROM messages")[0]["n"]
    st.markdown(f"messages: {n}")
    parts.rows([{"id": "1", "title": "A", "at": "2026-11-22T10:00:00Z", "text": "bla", "unread": 2, "chips":[{"text":"AI","tone":"good"}]}], key="r", label="x", empty={"title":"", "text":""})
f()
